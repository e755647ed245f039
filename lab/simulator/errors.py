# SPDX-License-Identifier: GPL-3.0-or-later
"""How CloudStack says no."""

from __future__ import annotations

# cserrorcode identifies the Java exception (CSExceptionErrorCode.java)
RUNTIME, PARAMETER, PERMISSION, UNKNOWN = 4250, 4350, 4365, 9999


class ApiError(Exception):
    """A refusal: errorcode (which is the HTTP status too), text, and the code of the exception class behind it."""

    def __init__(self, code: int, text: str, cserror: int | None = UNKNOWN, uuids: list | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.cserror, self.uuids = code, text, cserror, uuids or []


def bad_parameter(text: str) -> ApiError:
    """431, InvalidParameterValueException."""
    return ApiError(431, text, PARAMETER)


def failed(text: str) -> ApiError:
    """530, CloudRuntimeException."""
    return ApiError(530, text, RUNTIME)


def not_understood(text: str) -> ApiError:
    """431 of the dispatcher, before a command is asked."""
    return ApiError(431, text, UNKNOWN)


def unauthorised() -> ApiError:
    """401: one text for every cause, without cserrorcode."""
    return ApiError(401, "unable to verify user credentials and/or request signature", None)


def not_simulated(what: str) -> ApiError:
    """530 for what the real server does and no recording shows: to make up an answer would be worse."""
    return ApiError(530, f"{what}: CloudStack does this, its simulator here does not", UNKNOWN)
