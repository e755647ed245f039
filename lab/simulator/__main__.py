# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m lab.simulator: serve an empty cloud until interrupted."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import secrets
import threading
from pathlib import Path

from werkzeug.serving import make_server

from . import admin, background, server
from .clock import Clock
from .cloud import Cloud
from .faults import Faults


def parser() -> argparse.ArgumentParser:
    """The command line. Keys come by environment (CLOUDSTACK_KEY, CLOUDSTACK_SECRET), else they are made up."""
    top = argparse.ArgumentParser(
        prog="lab.simulator", description="CloudStack 4.22.1.0 API simulator, an empty cloud."
    )
    top.add_argument("--host", default="127.0.0.1", help="address to listen on")
    top.add_argument("--port", type=int, default=18080)
    top.add_argument("--quiet", action="store_true", help="do not print endpoint and keys")
    top.add_argument(
        "--admin-port", type=int, help="loopback port of the channel that stages faults and counts writes; default none"
    )
    top.add_argument(
        "--integration-port",
        type=int,
        help="unauthenticated port on loopback (setting integration.api.port); default none",
    )
    top.add_argument(
        "--host-setting", default="localhost", help="global setting host: the address that agents connect to"
    )
    top.add_argument("--kvm", action="store_true", help="add real KVM hosts over SSH and listen for their agents")
    top.add_argument("--agent-port", type=int, default=8250)
    top.add_argument("--ssh-key", type=Path, help="private key that the server logs in with")
    top.add_argument(
        "--wait-interval", type=float, default=30.0, help="seconds between two looks for a host that was added"
    )
    top.add_argument("--wait-polls", type=int, default=10, help="how often it looks")
    return top


def main() -> None:
    """Serve."""
    options = parser().parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)-5s [%(name)s] (%(threadName)s) %(message)s"
    )
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    key = os.environ.get("CLOUDSTACK_KEY") or secrets.token_urlsafe(64)
    secret = os.environ.get("CLOUDSTACK_SECRET") or secrets.token_urlsafe(64)
    cloud, faults = Cloud(Clock(), key, secret, options.host_setting), Faults()
    if options.kvm:
        from .kvm import attach

        attach(cloud, options)
    background.start(cloud)
    if options.integration_port:
        cloud.settings.set("integration.api.port", str(options.integration_port))
        open_port = make_server(
            "127.0.0.1", options.integration_port, server.create_integration_app(cloud, faults), threaded=True
        )
        threading.Thread(target=open_port.serve_forever, daemon=True, name="integration").start()
    if options.admin_port:
        side = make_server("127.0.0.1", options.admin_port, admin.create_app(cloud, faults), threaded=True)
        threading.Thread(target=side.serve_forever, daemon=True, name="admin").start()
    http = make_server(options.host, options.port, server.create_app(cloud, faults), threaded=True)
    if not options.quiet:
        print(
            f"CLOUDSTACK_ENDPOINT=http://{'127.0.0.1' if options.host == '0.0.0.0' else options.host}:{http.port}/client/api"  # noqa: E501
        )
        print(f"CLOUDSTACK_KEY={key}\nCLOUDSTACK_SECRET={secret}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        http.serve_forever()


if __name__ == "__main__":
    main()
