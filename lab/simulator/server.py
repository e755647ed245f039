# SPDX-License-Identifier: GPL-3.0-or-later
"""The API over HTTP: reads requests, checks who asks, dispatches, renders (ApiServlet.java, ApiServer.java)."""

from __future__ import annotations

import ipaddress
import logging
import secrets
from collections.abc import Mapping

from flask import Flask, Request, Response, request

from . import commands  # noqa: F401  registers the commands
from .cloud import Cloud
from .errors import UNKNOWN, ApiError, not_simulated, unauthorised
from .faults import Faults
from .registry import COMMANDS, READS, Entry, Work, refused
from .render import JSON_TYPE, error, success
from .signature import is_valid
from .table import Command
from .table import commands as table
from .validate import arguments

LOG = logging.getLogger(__name__)
NOT_FOUND = """<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>
<title>Error 404 Not Found</title>
</head>
<body><h2>HTTP ERROR 404 Not Found</h2>
<table>
<tr><th>URI:</th><td>{path}</td></tr>
<tr><th>STATUS:</th><td>404</td></tr>
</table>
</body>
</html>
"""


def create_app(cloud: Cloud, faults: Faults | None = None) -> Flask:
    """The WSGI application."""
    app = Flask(__name__)
    app.url_map.strict_slashes = False
    faults = faults or Faults()
    enforced = (
        cloud.settings.get("enforce.post.requests.and.timestamps") == "true"
    )  # read once: the setting needs a restart

    @app.route("/client/api", methods=["GET", "POST"], provide_automatic_options=False)
    def api() -> Response:
        return answer(cloud, faults, given(request), enforced=enforced)

    @app.route("/client/api", methods=["OPTIONS"], provide_automatic_options=False)
    def options() -> Response:
        return _bare(Response(headers={"Allow": "GET, HEAD, POST, TRACE, OPTIONS"}))

    @app.route("/")
    def root() -> Response:
        return _bare(Response(status=301, headers={"Location": "/client/"}))

    @app.errorhandler(404)
    def missing(_: Exception) -> Response:
        return Response(NOT_FOUND.format(path=request.path), 404, content_type="text/html;charset=iso-8859-1")

    @app.errorhandler(405)
    def not_allowed(_: Exception) -> Response:
        return _bare(Response(status=405))

    return app


def create_integration_app(cloud: Cloud, faults: Faults | None = None) -> Flask:
    """The unauthenticated port (setting integration.api.port): every call is the administrator's. It reads the query
    string only."""
    app = Flask(__name__)
    faults = faults or Faults()

    @app.route("/", methods=["GET", "POST"], defaults={"path": ""})
    @app.route("/<path:path>", methods=["GET", "POST"])
    def api(path: str) -> Response:
        words = request.args.to_dict() if request.method == "GET" else {}
        response = _integration_answer(cloud, faults, words)
        as_json = response.content_type.startswith("application/json")
        response.headers["Content-Type"] = "application/json; charset=UTF-8" if as_json else "text/xml"
        response.headers.pop("X-Description", None)
        return response

    return app


def _integration_answer(cloud: Cloud, faults: Faults, words: Mapping[str, str]) -> Response:
    name = words.get("command")
    if name not in table():
        text = "Invalid request, no command sent" if name is None else f"Unknown API command: {name}"
        return _refusal("errorresponse", ApiError(432, text, UNKNOWN), words.get("response", "").lower() == "json")
    return answer(cloud, faults, words, trusted=True)


def _bare(response: Response) -> Response:
    """An answer without body and without its type."""
    del response.headers["Content-Type"]
    return response


def given(http: Request) -> dict[str, str]:
    """Query string and form body in one; the first value of a name counts. A JSON body is not read."""
    words: dict[str, str] = {}
    for source in (http.args, http.form):
        for name in source:
            words.setdefault(name, source[name])
    return words


def answer(
    cloud: Cloud, faults: Faults, words: Mapping[str, str], trusted: bool = False, enforced: bool = False
) -> Response:
    """One request from its words to its answer; a trusted one needs no signature. `enforced`: see
    signature.is_valid."""
    lower = {name.lower(): value for name, value in words.items()}
    as_json = lower.get("response", "").lower() == "json"
    name = words.get("command")
    command = table().get(name or "")
    if name == "login":
        return _login(cloud, lower, as_json)
    key = "null" if name is None and not request.is_json else command.answer_key if command else "errorresponse"
    try:
        if not trusted:
            _authenticate(cloud, words, lower, enforced)
        body = _dispatch(cloud, faults, command, words, lower)
    except ApiError as fault:
        return _refusal("errorresponse" if fault.code == 432 else key, fault, as_json)
    except Exception as defect:
        LOG.exception("%s failed", name)
        return _refusal(key, ApiError(530, f"Command failed due to Internal Server Error: {defect}", UNKNOWN), as_json)
    text, kind = success(key, body, as_json)
    return Response(text, content_type=kind)


def _refusal(key: str, fault: ApiError, as_json: bool) -> Response:
    text, kind = error(key, fault, as_json)
    response = Response(text, fault.code, content_type=kind)
    if fault.cserror is not None:  # 401 has no description
        response.headers["X-Description"] = fault.text.replace("\n", " ").encode("latin-1", "replace").decode("latin-1")
    return response


def _dispatch(
    cloud: Cloud, faults: Faults, command: Command | None, words: Mapping[str, str], lower: Mapping[str, str]
):
    if command is None:
        raise unauthorised()  # the server looks for a command that this user may call, and finds none
    kind = faults.take(command.name)
    if kind == "lose-job":
        cloud.jobs.lose_next += 1
    elif kind:
        faults.hit(kind, command.name, cloud.user.uuid)
    entry = COMMANDS.get(command.name)
    given_arguments = arguments(command, words, cloud.resolve)
    if entry is None:
        raise not_simulated(command.name)
    dropped = refused(command, entry, given_arguments)
    if dropped:
        raise not_simulated(f"{command.name} with the argument {', '.join(dropped)}")
    return _run(cloud, command, entry, given_arguments, lower.get("customjobid"))


def _run(cloud: Cloud, command: Command, entry: Entry, given_arguments: dict, custom: str | None):
    if entry.unlocked:
        body = entry.handler(cloud, given_arguments)
    else:
        with cloud.lock:
            body = entry.handler(cloud, given_arguments)
    if entry.writes:
        with cloud.lock:
            cloud.writes += 1
    if not isinstance(body, Work):
        return body

    def work():
        if body.unlocked:
            return body.run()
        with cloud.lock:
            return body.run()

    job = cloud.jobs.start(command.java_class, work, body.instance, custom)
    return {**({"id": body.id} if body.id else {}), "jobid": job.uuid}


def _authenticate(cloud: Cloud, words: Mapping[str, str], lower: Mapping[str, str], enforced: bool) -> None:
    """Raises 401 in the same words whatever is wrong, and 400 for a change by GET where POST is enforced."""
    if not _address_allowed(cloud.settings.get("api.allowed.source.cidr.list"), request.remote_addr):
        raise unauthorised()
    name = words.get("command", "")
    if enforced and request.method == "GET" and name in table() and not name.startswith(READS):
        raise ApiError(400, f"State changing command {name} needs to be sent using POST request", UNKNOWN)
    session = lower.get("sessionkey")
    if session and session in cloud.sessions.values() and request.cookies.get("sessionkey") == session:
        return
    if lower.get("apikey") != cloud.key or not is_valid(words, cloud.secret, cloud.clock.utc(), enforced):
        raise unauthorised()


def _address_allowed(networks: str | None, address: str | None) -> bool:
    if not networks or not address:
        return True
    caller = ipaddress.ip_address(address)
    known = [ipaddress.ip_network(word.strip(), strict=False) for word in networks.split(",") if word.strip()]
    return any(caller in network for network in known if network.version == caller.version)


def _login(cloud: Cloud, lower: Mapping[str, str], as_json: bool) -> Response:
    """Session login: by POST, with the API's secret as password (the simulator has one user)."""
    if request.method != "POST":
        return Response("Please use HTTP POST to authenticate using this API", 405, content_type=JSON_TYPE)
    if "username" not in lower:
        return Response("null", 531, content_type=JSON_TYPE)
    if lower["username"] != "admin" or lower.get("password") != cloud.secret:
        text = f"Failed to authenticate user {lower['username']} in domain 1; please provide valid credentials"
        return _refusal("loginresponse", ApiError(531, text, None), as_json)
    session = secrets.token_urlsafe(20)
    cloud.sessions[secrets.token_hex(16)] = session
    body = {
        "username": "admin", "userid": cloud.user.uuid, "domainid": cloud.domain.uuid, "timeout": 1800,
        "account": "admin", "firstname": "admin",
        "lastname": "cloud", "type": "1", "timezone": "UTC", "timezoneoffset": "0.0", "registered": "false",
        "sessionkey": session,
        "is2faenabled": "false", "is2faverified": "true", "issuerfor2fa": "CloudStack",
        "managementserverid": cloud.server.uuid,
    }  # fmt: skip
    text, kind = success("loginresponse", body, as_json)
    response = Response(text, content_type=kind)
    response.set_cookie("sessionkey", session, httponly=True)
    return response
