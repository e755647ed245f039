# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talking to CloudStack: signed POST requests through the `cs` library, paging, jobs, and errors in the operator's
words.

Runs on the controller only. Every request is a POST, so that no secret reaches the access log of the server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.http_session import WholeCallSession
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.trust import explain_tls, trusting
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.add_host_error import cause
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_answer import (
    describe_answer,
    is_refusal,
    may_have_run,
    number_of,
    objects_of,
    refusal,
    without_query,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_error import (
    advice,
    secrets_of,
    without_secrets,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError, ParseError

try:
    import requests
    from cs import CloudStack, CloudStackException

    IMPORT_ERROR = ""
except ImportError as error:  # reported by connect(), with what to do about it
    CloudStack = object  # type: ignore[assignment,misc]
    CloudStackException = type("CloudStackException", (Exception,), {})  # type: ignore[assignment,misc]
    IMPORT_ERROR = str(error)

CONNECT_TIMEOUT = 10  # seconds
PAGE = 500  # objects; the server's default.page.size refuses more
POLL = 60  # seconds for one look at a job: looking again costs nothing
READS = ("list", "query")
# What urllib3 and Python's ssl say when no connection came to stand, and when its TLS did not.
CONNECTING = (
    "NewConnectionError",
    "NameResolutionError",
    "Failed to resolve",
    "Connection refused",
    "ProxyError",
    "Failed to parse",
)
HANDSHAKE = (
    "CERTIFICATE_VERIFY_FAILED",
    "WRONG_VERSION_NUMBER",
    "HANDSHAKE_FAILURE",
    "UNSUPPORTED_PROTOCOL",
    "doesn't match",
)
LOST_READ = (
    "check CLOUDSTACK_ENDPOINT (api_url) and the load balancer or proxy in front of CloudStack; raise api_timeout"
    " (CLOUDSTACK_TIMEOUT) if it is only slow"
)
LOST_WRITE = (
    "run again, it looks at what is there before it sends anything; see the load balancer or proxy in front of"
    " CloudStack and the management server's log; raise api_timeout (CLOUDSTACK_TIMEOUT) if it is only slow"
)
PERHAPS_TLS = "; if this port speaks TLS, let CLOUDSTACK_ENDPOINT (api_url) begin with https://"
Found = TypeVar("Found")
Objects = list[dict[str, Any]]
PENDING, SUCCEEDED = 0, 1  # jobstatus; 2 is failed, 3 cancelled
JOB_INTERVAL = 2.0  # seconds between two looks at a job
# Seconds. A management server needs 25 to 60 until its port answers again, and its jobs are then found failed.
RESTART = 180.0


class NoAnswer(ApiError):
    """The request left, and no answer of CloudStack came: the command may have been carried out, or may still be."""


class Unreachable(ApiError):
    """No server took the request: nothing was done."""


@dataclass(frozen=True)
class Access:
    """Where the API is and who asks. `timeout` is the longest wait for one answer, `job_timeout` for one job (None: the
    same), `poll_interval` the time between two looks at a job, all in seconds. `verify`: whether the server's
    certificate is verified, or the path of the CAs that it is verified against. `more` goes to the library: cert,
    headers, expiration, retry.
    """

    url: str
    key: str
    secret: str = field(repr=False)
    timeout: int = 900
    verify: bool | str = True
    job_timeout: int | None = None
    poll_interval: float = JOB_INTERVAL
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def patience(self) -> int:
        """The longest wait for one job, in seconds."""
        return self.job_timeout or self.timeout


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
        session = trusting(WholeCallSession(), access.verify)
        self._api = SigningCloudStack(
            access.url, access.key, access.secret, method="post", session=session, **verify, **access.more
        )

    def call(self, command: str, **params: Any) -> dict[str, Any]:
        """One request; returns what stands under the single top-level key. None leaves a parameter out, "" sends it
        empty."""
        return self._ask(command, params, self.access.timeout)

    def _ask(self, command: str, params: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """One request within `seconds`, from the first byte sent to the last one read. It is never sent a second
        time."""
        # Handed to the session, which takes both.
        self._api.timeout = (min(CONNECT_TIMEOUT, seconds), seconds)  # type: ignore[assignment]
        try:
            answer = self._api._request(command, **params)
        except CloudStackException as error:
            raise self._not_done(command, error, secrets_of(params)) from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise self._unheard(command, error, seconds) from None
        except (ValueError, RecursionError) as error:  # JSON that Python refuses: too deep, numbers without end
            raise self._no_answer(command, f"an answer that cannot be read: {error}") from None
        if not isinstance(answer, dict):
            raise self._no_answer(
                command, f"an answer that holds {type(answer).__name__} {str(answer)[:80]!r} where an object belongs"
            )
        return answer

    def list(self, command: str, kind: str, **params: Any) -> Objects:
        """All objects of a list call, page by page until a short one or one that repeats: `count` is not to be trusted
        everywhere."""
        found: dict[str, dict[str, Any]] = {}
        deadline = self.clock.monotonic() + self.access.timeout
        page = 1
        while True:
            objects = self._objects(command, self.call(command, **params, page=page, pagesize=PAGE), kind)
            known = len(found)
            for each in objects:
                found.setdefault(str(each.get("id") or json.dumps(each, sort_keys=True)), each)
            if len(objects) < PAGE or len(found) == known:
                return [*found.values()]
            if self.clock.monotonic() >= deadline:
                raise self._no_answer(command, f"{page} pages within {self.access.timeout} s, and no end of them")
            page += 1

    def _objects(self, command: str, answer: Mapping[str, Any], kind: str) -> Objects:
        try:
            return objects_of(answer, kind)
        except ParseError as error:
            raise self._no_answer(command, f"{error.message}: {error.observed}") from None

    def job(self, command: str, **params: Any) -> dict[str, Any]:
        """Start an asynchronous command and wait for its result. Some errors come at once, others from the job."""
        started = self.call(command, **params)
        if "jobid" not in started:
            return started
        deadline = self.clock.monotonic() + self.access.patience
        while True:
            job = self._look(command, str(started["jobid"]), deadline)
            if job["jobstatus"] != PENDING:
                return self._job_result(command, job, secrets_of(params))
            if self.clock.monotonic() >= deadline:
                raise ApiError(
                    f"{command} did not finish within {self.access.patience} s",
                    expected="a finished job",
                    observed=f"job {started['jobid']} is still in progress",
                    next_step="look at the management server's log for this job, then run again",
                )
            self.clock.sleep(self.access.poll_interval)

    def _look(self, command: str, job_id: str, deadline: float) -> dict[str, Any]:
        """The job as it is now. A server that restarts meanwhile is waited for: it knows afterwards what became of the
        job."""

        def look() -> dict[str, Any]:
            job = self._ask("queryAsyncJobResult", {"jobid": job_id}, min(POLL, self.access.timeout))
            try:
                return {**job, "jobstatus": number_of(job.get("jobstatus", PENDING), "jobstatus")}
            except ParseError as error:
                raise self._no_answer("queryAsyncJobResult", error.message) from None

        try:
            return patiently(self, look, min(RESTART, deadline - self.clock.monotonic()))
        except (Unreachable, NoAnswer) as error:
            raise self._no_answer(command, f"job {job_id} was started, then: {error.observed}") from None

    def _job_result(self, command: str, job: dict[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
        result = job.get("jobresult")
        if job["jobstatus"] == SUCCEEDED:
            return result if isinstance(result, dict) else {}
        if result is None:  # the server was restarted while the job ran: it may or may not have done its work
            raise self._no_answer(command, "the job was lost when the management server stopped")
        raise self._refused(command, result if isinstance(result, dict) else {"errortext": result}, 0, secrets)

    def _not_done(self, command: str, error: Any, secrets: Sequence[str]) -> ApiError:
        """The error for an answer with another status than 200, or that is not CloudStack's."""
        response, body = getattr(error, "response", None), getattr(error, "error", None)
        if response is None:
            return self._no_answer(command, str(error.args[0] if error.args else error))
        if isinstance(body, dict) and is_refusal(body):
            return self._refused(command, body, response.status_code, secrets)
        text = describe_answer(
            response.status_code, str(response.reason or ""), response.headers.get("Content-Type", ""), response.text
        )
        observed = without_secrets(text, [*secrets, self.access.secret, self.access.key])
        return self._foreign(command, response.status_code, observed, response.headers.get("Location", ""))

    def _foreign(self, command: str, status: int, observed: str, location: str) -> ApiError:
        """The error for what a proxy, a portal or another server said in CloudStack's place."""
        if may_have_run(status):
            return self._no_answer(command, observed)
        if 300 <= status < 400:
            return self._redirected(observed, without_query(location))
        if status in (401, 403, 407, 429):
            return ApiError(
                f"something in front of CloudStack refused {command}",
                expected="an answer of CloudStack itself",
                observed=observed,
                next_step=(
                    "let the controller through that proxy or firewall, or let CLOUDSTACK_ENDPOINT"
                    f" (api_url, now {self._url}) name the server itself"
                ),
            )
        return ApiError(
            f"{self._url} does not answer as a CloudStack API",
            expected="an address such as http://server:8080/client/api",
            observed=observed,
            next_step="check CLOUDSTACK_ENDPOINT (api_url)",
        )

    def _redirected(self, observed: str, location: str) -> ApiError:
        return ApiError(
            f"{self._url} sends its callers to another address",
            expected=(
                "an API that answers at this address; a redirect is not followed, because the request holds the API key"
            ),
            observed=f"{observed}, to {location or 'an address that it does not name'}",
            next_step="if that address is your CloudStack, let CLOUDSTACK_ENDPOINT (api_url) name it",
        )

    def _refused(self, command: str, body: Mapping[str, Any], status: int, secrets: Sequence[str]) -> ApiError:
        code, given = refusal(body, status)
        text = without_secrets(given, [*secrets, self.access.secret])
        message = "CloudStack refused the API key" if code == 401 else f"CloudStack refused {command}"
        expected = f"an API key that may call {command}" if code in (401, 432) else f"{command} to succeed"
        return ApiError(
            message, code=code, text=text, expected=expected, observed=f"{code} {cause(text)}", next_step=advice(code)
        )

    def _unheard(self, command: str, error: Exception, seconds: float) -> ApiError:
        """The error for a connection that failed: before the request had left, or after."""
        untrusted = explain_tls(error, self.access.url, self.access.verify)
        if untrusted is not None:
            return Unreachable(f"there is no trusted connection to the CloudStack API at {self._url}", **untrusted)
        if _never_left(error):
            return self._unreachable(error)
        if isinstance(error, requests.exceptions.ReadTimeout):
            return self._no_answer(command, f"no whole answer within {seconds:.0f} s")
        # Each module begins with a read, so that a write would not have come to be sent to a port that speaks TLS.
        perhaps_tls = self._url.startswith("http:") and command.startswith(READS)
        return self._no_answer(command, _reason(error), PERHAPS_TLS if perhaps_tls else "")

    def _no_answer(self, command: str, observed: str, also: str = "") -> NoAnswer:
        write = not command.startswith(READS)
        return NoAnswer(
            f"CloudStack did not answer {command}",
            expected=f"a whole answer of the API at {self._url} within {self.access.timeout} s",
            observed=f"{observed}; {command} may have been carried out, or may still be" if write else observed,
            next_step=(LOST_WRITE if write else LOST_READ) + also,
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"the CloudStack API at {self._url} cannot be reached",
            expected="an answer",
            observed=_reason(error),
            next_step="check CLOUDSTACK_ENDPOINT (api_url) and that the management server runs",
        )

    @property
    def _url(self) -> str:
        """The address without what may be secret in it."""
        return without_query(self.access.url)


def patiently(client: Any, look: Callable[[], Found], seconds: float = RESTART) -> Found:
    """What `look` returns, as soon as it gets an answer: it only reads. Raises what it raises still after `seconds`."""
    end = client.clock.monotonic() + seconds
    while True:
        try:
            return look()
        except (Unreachable, NoAnswer):
            if client.clock.monotonic() >= end:
                raise
        client.clock.sleep(JOB_INTERVAL)


def _never_left(error: Exception) -> bool:
    """Whether no server can have read the request. What is not surely so counts as sent."""
    if isinstance(
        error, (requests.exceptions.ConnectTimeout, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)
    ):
        return True
    if isinstance(error, (requests.exceptions.InvalidSchema, requests.exceptions.InvalidProxyURL)):
        return True
    text = str(error)
    marks = HANDSHAKE if isinstance(error, requests.exceptions.SSLError) else CONNECTING
    return isinstance(error, (requests.exceptions.ConnectionError, OSError)) and any(mark in text for mark in marks)


def _reason(error: Exception) -> str:
    """The innermost cause: requests wraps it three times."""
    cause: Any = error
    while getattr(cause, "args", None) and isinstance(getattr(cause.args[0], "reason", cause.args[0]), Exception):
        cause = getattr(cause.args[0], "reason", cause.args[0])
    return str(cause).rpartition("object at")[2].partition(": ")[2] or str(cause)
