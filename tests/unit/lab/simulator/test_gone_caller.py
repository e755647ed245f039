# SPDX-License-Identifier: GPL-3.0-or-later
"""addHost is carried out by the server even if its caller is gone, as seen on a real 4.22.1."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from urllib.parse import urlencode

from werkzeug.serving import make_server

from lab.simulator.server import create_app
from lab.simulator.signature import sign
from tests.unit.lab.kvm.clouds import kvm_cloud

LIMIT = 10  # seconds in which what is waited for must happen


class Discoverer:
    """A set-up that lasts until it is let go."""

    def __init__(self, cloud):
        self.cloud, self.begun, self.go_on, self.ended = cloud, threading.Event(), threading.Event(), threading.Event()

    def prepare(self, request):
        self.begun.set()
        assert self.go_on.wait(LIMIT)
        return "guid"

    def wait_for(self, guid):
        row = self.cloud.table("host").add(
            name="h4", ipaddress="10.88.0.14", state="Up", resourcestate="Enabled", tags=[]
        )
        self.ended.set()
        return row


@contextmanager
def served(cloud):
    http = make_server("127.0.0.1", 0, create_app(cloud), threaded=True)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield http.port
    finally:
        http.shutdown()
        thread.join(LIMIT)
        http.server_close()


def test_a_set_up_goes_on_when_its_caller_is_gone():
    cloud, zone, pod, cluster = kvm_cloud()
    cloud.discoverer = Discoverer(cloud)
    words = {
        "command": "addHost",
        "response": "json",
        "apiKey": "key",
        "zoneid": zone.uuid,
        "podid": pod.uuid,
        "clusterid": cluster.uuid,
    }
    words |= {"url": "http://10.88.0.14", "username": "root", "password": "", "hypervisor": "KVM"}
    target = "/client/api?" + urlencode({**words, "signature": sign(words, "secret")})
    with served(cloud) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as caller:
            caller.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert cloud.discoverer.begun.wait(LIMIT)
        cloud.discoverer.go_on.set()
        assert cloud.discoverer.ended.wait(LIMIT)
    assert [row["state"] for row in cloud.table("host")] == ["Up"]
