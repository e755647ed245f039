# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talking to CloudStack: signed POST requests through the `cs` library, paging, jobs, and errors in the operator's words.

Runs on the controller only. Every request is a POST, so that no secret reaches the access log of the server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ansible_collections.cloudstack.kvm.plugins.module_utils.client.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import ApiError
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse.add_host_error import cause
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse.api_error import advice, secrets_of, without_secrets

try:
    import requests
    from cs import CloudStack, CloudStackApiException, CloudStackException

    IMPORT_ERROR = ""
except ImportError as error:  # reported by connect(), with what to do about it
    CloudStack = object  # type: ignore[assignment,misc]
    CloudStackException = type("CloudStackException", (Exception,), {})  # type: ignore[assignment,misc]
    CloudStackApiException = type("CloudStackApiException", (CloudStackException,), {})  # type: ignore[assignment,misc]
    IMPORT_ERROR = str(error)

CONNECT_TIMEOUT = 10  # seconds
PAGE = 500  # objects; the server's default.page.size refuses more
PENDING, SUCCEEDED = 0, 1  # jobstatus; 2 is failed, 3 cancelled
JOB_INTERVAL = 2.0  # seconds between two looks at a job
RESTART = 180.0  # seconds; a management server needs 25 to 60 until its port answers again, and its jobs are then found failed


class NoAnswer(ApiError):
    """The request left, the answer never came: the command may have been carried out, or may still be."""


class Unreachable(ApiError):
    """Nobody took the request: nothing was done."""


@dataclass(frozen=True)
class Access:
    """Where the API is and who asks. `timeout` is the longest wait for one answer and for one job, in seconds."""

    url: str
    key: str
    secret: str = field(repr=False)
    timeout: int = 900
    verify: bool | str = True


def encode(value: str) -> str:
    """Encode a value as Java's URLEncoder does, with %20 for a blank: that is what the server signs.

    `cs` leaves ~ alone and therefore gets a 401 for every value that holds one.
    """
    return quote(value, safe="*").replace("~", "%7E")


def signature(params: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA1 over the sorted, encoded, lower-cased parameters, in base64."""
    text = "&".join(f"{name}={encode(value)}" for name, value in sorted(params.items())).lower()
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


class SigningCloudStack(CloudStack):
    """The library's client, signing as the server does."""

    def _sign(self, data: dict[str, str]) -> None:
        data["signature"] = signature(data, self.secret or "")


class Client:
    """The API of one CloudStack. All methods raise ApiError."""

    def __init__(self, access: Access, clock: Any = None) -> None:
        if IMPORT_ERROR:
            raise ApiError(
                "the Python library cs is missing on the controller",
                observed=IMPORT_ERROR,
                next_step="pip install cs into the Python that runs ansible-playbook",
            )
        self.access = access
        self.clock = clock or SystemClock()
        verify = {"verify": access.verify} if access.verify is not False else {"dangerous_no_tls_verify": True}
        self._api = SigningCloudStack(access.url, access.key, access.secret, method="post", **verify)
        self._api.timeout = (CONNECT_TIMEOUT, access.timeout)  # type: ignore[assignment]  # handed to requests, which takes both

    def call(self, command: str, **params: Any) -> dict[str, Any]:
        """One request; returns what stands under the single top-level key. None leaves a parameter out, "" sends it empty."""
        try:
            return self._api._request(command, **params) or {}
        except CloudStackApiException as error:
            raise self._refused(command, error.error, secrets_of(params)) from None
        except CloudStackException as error:
            raise self._no_api(error) from None
        except requests.exceptions.ConnectTimeout as error:  # is also a ConnectionError and no ReadTimeout
            raise self._unreachable(error) from None
        except requests.exceptions.ReadTimeout:
            raise self._no_answer(command, f"no answer within {self.access.timeout} s") from None
        except (requests.exceptions.RequestException, OSError) as error:
            if _was_cut(error):
                raise self._no_answer(command, _reason(error)) from None
            raise self._unreachable(error) from None

    def list(self, command: str, kind: str, **params: Any) -> list[dict[str, Any]]:
        """All objects of a list call, page by page until a short one: `count` is not to be trusted everywhere."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            part = self.call(command, **params, page=page, pagesize=PAGE).get(kind, [])
            found += part
            if len(part) < PAGE:
                return found
            page += 1

    def job(self, command: str, **params: Any) -> dict[str, Any]:
        """Start an asynchronous command and wait for its result. Some errors come at once, others from the job."""
        started = self.call(command, **params)
        if "jobid" not in started:
            return started
        deadline = self.clock.monotonic() + self.access.timeout
        while True:
            job = self._look(started["jobid"], deadline)
            if job.get("jobstatus", PENDING) != PENDING:
                return self._job_result(command, job, secrets_of(params))
            if self.clock.monotonic() >= deadline:
                raise ApiError(
                    f"{command} did not finish within {self.access.timeout} s",
                    expected="a finished job",
                    observed=f"job {started['jobid']} is still in progress",
                    next_step="look at the management server's log for this job, then run again",
                )
            self.clock.sleep(JOB_INTERVAL)

    def _look(self, job_id: str, deadline: float) -> dict[str, Any]:
        """The job as it is now. A server that restarts meanwhile is waited for: it knows afterwards what became of the job."""
        patience = min(self.clock.monotonic() + RESTART, deadline)
        while True:
            try:
                return self.call("queryAsyncJobResult", jobid=job_id)
            except (Unreachable, NoAnswer):
                if self.clock.monotonic() >= patience:
                    raise
            self.clock.sleep(JOB_INTERVAL)

    def _job_result(self, command: str, job: dict[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
        result = job.get("jobresult")
        if job["jobstatus"] == SUCCEEDED:
            return result if isinstance(result, dict) else {}
        if result is None:  # the server was restarted while the job ran: it may or may not have done its work
            result = {"errorcode": job.get("jobresultcode", 0), "errortext": "the job was lost when the management server stopped"}
        raise self._refused(command, result, secrets)

    def _refused(self, command: str, answer: Any, secrets: Sequence[str]) -> ApiError:
        body = answer if isinstance(answer, dict) else {"errortext": str(answer)}
        code, given = int(body.get("errorcode") or 0), str(body.get("errortext") or "no reason given").strip()
        text = without_secrets(given, [*secrets, self.access.secret])
        message = "CloudStack refused the API key" if code == 401 else f"CloudStack refused {command}"
        expected = f"an API key that may call {command}" if code in (401, 432) else f"{command} to succeed"
        return ApiError(message, code=code, text=text, expected=expected, observed=f"{code} {cause(text)}", next_step=advice(code))

    def _no_answer(self, command: str, observed: str) -> NoAnswer:
        return NoAnswer(
            f"CloudStack did not answer {command}",
            expected=f"an answer within {self.access.timeout} s",
            observed=f"{observed}; the command may still be running there",
            next_step="look at the management server's log and run again; raise api_timeout if it is only slow",
        )

    def _no_api(self, error: Exception) -> ApiError:
        return ApiError(
            f"{self.access.url} does not answer as a CloudStack API",
            expected="an address such as http://server:8080/client/api",
            observed=str(error.args[0] if error.args else error),
            next_step="check CLOUDSTACK_ENDPOINT (api_url)",
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"the CloudStack API at {self.access.url} cannot be reached",
            expected="an answer",
            observed=_reason(error),
            next_step="check CLOUDSTACK_ENDPOINT (api_url) and that the management server runs",
        )


def _was_cut(error: Exception) -> bool:
    """Whether the connection stood and was closed before the answer: a server that was stopped, or a proxy that gave up."""
    text = str(error)
    return any(mark in text for mark in ("Connection aborted", "RemoteDisconnected", "Connection reset", "IncompleteRead"))


def _reason(error: Exception) -> str:
    """The innermost cause: requests wraps it three times."""
    cause: Any = error
    while getattr(cause, "args", None) and isinstance(getattr(cause.args[0], "reason", cause.args[0]), Exception):
        cause = getattr(cause.args[0], "reason", cause.args[0])
    return str(cause).rpartition("object at")[2].partition(": ")[2] or str(cause)
