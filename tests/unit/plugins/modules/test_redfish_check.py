# SPDX-License-Identifier: GPL-3.0-or-later
"""redfish_check against the recorded answers of sushy-tools 2.2.0 (sushy-emulator --fake), served on loopback, and
against what BMCs of vendors leave out."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.modules import redfish_check

from tests.unit.plugins.modules.edge import run_module

RECORDED = Path(__file__).parents[3] / "fixtures" / "redfish"
SYSTEM = "/redfish/v1/Systems/44454c4c-0000-1000-8000-000000000003"
PASSWORD = "planted-secret1"
LOGIN = "Basic " + base64.b64encode(f"ADMIN:{PASSWORD}".encode()).decode()


def recorded(name):
    return json.loads((RECORDED / name).read_text())


@pytest.fixture
def bmc():
    """Serves `answers` by path; any other login gets 401."""
    answers = {"/redfish/v1/Systems": recorded("sushy-systems.json"), SYSTEM: recorded("sushy-system.json")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(answers.get(self.path, {})).encode()
            allowed = self.headers.get("Authorization") == LOGIN
            self.send_response(401 if not allowed else 200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield answers, server.server_port
        server.shutdown()
        thread.join()


def check(capsys, port, **more):
    options = {"address": "127.0.0.1", "port": port, "username": "ADMIN", "password": PASSWORD, "use_https": False}
    result = run_module(redfish_check, capsys, **{**options, **more})
    assert PASSWORD not in str(result)
    return result


def test_sushy_tools(bmc, capsys):
    found = check(capsys, bmc[1])
    assert found["redfish"]["power_state"] == "On"
    assert found["redfish"]["uuid"] == SYSTEM.rpartition("/")[2]
    assert (found["changed"], found["impossible_actions"]) == (False, ["CYCLE"])
    graceful, vendor, cycle = found["limits"]
    assert "OFF is GracefulShutdown" in graceful
    assert "Sushy Emulator" in vendor
    assert "no PowerCycle" in cycle


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"Manufacturer": "Dell Inc."}, ["GracefulShutdown", "CYCLE"]),
        ({"Manufacturer": "Supermicro", "Actions": {}}, ["GracefulShutdown"]),
        ({"Manufacturer": None, "Actions": {}}, ["GracefulShutdown", "does not name"]),
        ({"Manufacturer": "Dell Inc.", "Actions": {}, "PowerState": "Paused"}, ["GracefulShutdown", "Paused"]),
    ],
)
def test_limits(bmc, capsys, edit, said):
    answers, port = bmc
    answers[SYSTEM].update(edit)
    found = check(capsys, port)["limits"]
    assert len(found) == len(said)
    for text, part in zip(found, said):
        assert part in text


def test_several_systems(bmc, capsys):
    answers, port = bmc
    answers["/redfish/v1/Systems"]["Members"].append({"@odata.id": "/redfish/v1/Systems/2"})
    assert "2 systems are behind this address" in str(check(capsys, port)["limits"])


@pytest.mark.parametrize(
    ("systems", "options", "words"),
    [
        ({}, {"username": "nobody"}, "HTTP status 401"),
        ({}, {}, "no system in Members"),
        ({"Members": []}, {}, "no system in Members"),
        ({"Members": [{"@odata.id": "/redfish/v1/Systems/9"}]}, {}, "HTTP status 404"),
        ([], {}, "not an object"),
        ({}, {"use_https": True}, "CloudStack asks at port 443 only"),
    ],
)
def test_failures(bmc, capsys, systems, options, words):
    answers, port = bmc
    answers["/redfish/v1/Systems"] = systems
    result = check(capsys, port, **options)
    assert result["failed"] and words in result["msg"], result["msg"]
