# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that hear each other by a group, on bridges in namespaces of this machine's kernel."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import multicast

from tests.namespaces import ROOT, Namespaces, missing

CODE = (
    "import json, sys; sys.path.insert(0, sys.argv[1]); "
    "from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.multicast import listen; "
    "print(json.dumps(listen(json.loads(sys.argv[2]))))"
)


@pytest.fixture
def hosts():
    """Three hosts on one bridge; host3's port does not let multicast through."""
    with Namespaces() as spaces:
        spaces.add("switch", "host1", "host2", "host3")
        spaces.ip("switch", ["link add br0 type bridge mcast_snooping 0", "link set br0 up"])
        for number in (1, 2, 3):
            name = f"host{number}"
            spaces.plug("switch", "br0", name, "eth0", port=f"p{number}")
            spaces.ip(name, [f"address add 10.88.1.{number}/24 dev eth0", "link set eth0 up"])
        spaces.ip("switch", ["link set p3 type bridge_slave mcast_flood off"])
        yield spaces


@pytest.mark.skipif(bool(missing()), reason=missing() or "here")
def test_who_is_heard(hosts):
    running = []
    for number in (1, 2, 3):
        networks = [{"name": "eth0", "source": f"10.88.1.{number}"}]
        options = {"host": f"host{number}", "networks": networks, "seconds": 3}
        command = [sys.executable, "-c", CODE, str(ROOT / "collections"), json.dumps(options)]
        running.append(hosts.start(f"host{number}", command, stdout=subprocess.PIPE))
    found = [json.loads(each.communicate(timeout=60)[0])["networks"][0] for each in running]
    assert [each["heard"] for each in found] == [["host2", "host3"], ["host1", "host3"], []]
    assert [each["text"] for each in found] == ["", "", ""]
    assert all(each["sent"] >= 8 and each["ended"] - each["began"] >= 3 for each in found)


def test_a_device_that_is_not_there():
    options = {"host": "host1", "networks": [{"name": "nosuchdev0", "source": "127.0.0.1"}], "seconds": 0}
    (found,) = multicast.listen(options)["networks"]
    assert (found["sent"], found["heard"]) == (0, [])
    assert "cannot join 239.0.0.0 on nosuchdev0 from 127.0.0.1" in found["text"]


def test_an_address_that_is_none():
    with pytest.raises(InputError, match="not an IPv4 address"):
        multicast.listen({"host": "host1", "networks": [{"name": "lo", "source": "::1"}], "seconds": 0})


def test_it_listens_while_others_work(monkeypatch):
    working = threading.Event()

    def listen(_options, done):
        working.set()
        assert done.wait(30)
        return {"networks": []}

    monkeypatch.setattr(multicast, "listen", listen)
    assert multicast.beside({}, lambda: working.wait(30)) == (True, {"networks": []})


def test_what_goes_wrong_takes_the_others_not_along(monkeypatch):
    def refuse(_options, _done):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(multicast, "listen", refuse)
    found = multicast.beside({}, lambda: "done")
    assert found == ("done", {"failed": True, "msg": "[Errno 1] Operation not permitted"})
