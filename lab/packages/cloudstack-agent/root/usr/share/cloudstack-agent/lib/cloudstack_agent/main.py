# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, connect, answer. One JSON object a line, over TLS."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from . import VERSION, connection, guests, host, libvirt_side, log, properties, storage

PROPERTIES = "/etc/cloudstack/agent/agent.properties"
AGENT = "cloud.agent.Agent"
RETRY = 5  # seconds between two tries: the property backoff.seconds
HEARTBEAT = 60  # seconds between two heartbeats
LOOK = 5  # seconds between two looks at each pool
SILENCE = 30  # seconds without an answer of a pool after which the health check fails


class Fatal(Exception):
    """The agent cannot go on; systemd starts it again."""


class Agent:
    """One run of the agent."""

    def __init__(self):
        self.properties = properties.read(PROPERTIES)
        self.pools = {}
        self.seen = {}  # when each pool answered last, by the monotonic clock
        self.socket: Any = None  # until `connect`
        self.lock = threading.RLock()  # SIGTERM may come while its own thread is sending
        self.ping = 60.0
        self.about = "id: 0, uuid: , name: "
        self.deleted = False

    def device(self, kind="private"):
        """The device for a kind of traffic."""
        return (
            self.properties.get(f"{kind}.network.device") or self.properties.get("private.network.device") or "cloudbr0"
        )

    def configure(self):
        """What must be so before the first connect."""
        log.write("INFO", "cloud.agent.AgentShell", "Agent started")
        log.write("INFO", "cloud.agent.AgentShell", f"Implementation Version is {VERSION}")
        log.write("INFO", "cloud.agent.AgentShell", f"agent.properties found at {PROPERTIES}")
        if not self.properties.get("guid"):
            print("Unable to find the guid", flush=True)
            raise SystemExit(0)
        problem = libvirt_side.connect()
        if problem:
            print(f"libvirt: XML-RPC error : {problem}", file=sys.stderr, flush=True)
            raise Fatal(f"Unable to start agent: org.libvirt.LibvirtException: {problem}")
        libvirt_side.drop_default_network()
        for kind in ("private", "public", "guest"):
            if not os.path.exists(f"/sys/class/net/{self.device(kind)}"):
                raise Fatal(f"Unable to start agent: Failed to get {kind} nic name")
        libvirt_side.link_local_bridge()

    def connect(self):
        """Try all servers of the list until one answers; its name."""
        first = True
        while True:
            port, passphrase = int(self.properties.get("port", "8250")), self.properties.get("keystore.passphrase", "")
            for server in self.properties.get("host", "localhost").split("@")[0].split(","):
                if not first:
                    log.write("INFO", AGENT, f"Connecting to host: {server}")
                try:
                    self.socket = connection.once(server, port, passphrase)
                    return server
                except connection.NotConnected as error:
                    text = (
                        f"Attempt to connect to server generated NIO Connection Exception {error}, trying again"
                        if first
                        else "Attempted to connect to the server, but received an unexpected exception, trying "
                        "again... "
                        f"com.cloud.utils.exception.NioConnectionException: {error}"
                    )
                    log.write("WARN" if first else "INFO", AGENT, text)
                    first = False
            time.sleep(RETRY)

    def send(self, message):
        with self.lock:
            self.socket.sendall((json.dumps(message) + "\n").encode())

    def serve(self, server):
        """Report the host, then answer until the connection ends."""
        ip = (host.address(self.device()) or [None])[0]
        self.send(host.startup(self.properties, self.device(), bool(ip) and libvirt_side.is_secured(ip)))
        log.write("INFO", AGENT, f"Connected to the host: {server}")
        stop = threading.Event()
        for work in (self._pinging, self._beating, self._looking):
            threading.Thread(target=work, args=(stop, ip), daemon=True).start()
        try:
            with self.socket.makefile("r", encoding="utf-8") as stream:
                for line in stream:
                    self.handle(json.loads(line))
        except (OSError, ValueError) as error:
            log.write("WARN", AGENT, f"Unable to read from the server: {error}")
        finally:
            stop.set()
            self.socket.close()
        log.write(
            "INFO",
            AGENT,
            "Lost connection to host: "
            + server
            + ". Attempting reconnection while we still have 0 commands in progress.",
        )

    def handle(self, message):
        """One command of the server; its answer names the command's number. What is done with guests takes its time,
        and goes on beside."""
        command = message.get("command")
        if command in guests.COMMANDS:
            threading.Thread(target=self._about_guests, args=(message,), daemon=True).start()
            return
        handler = getattr(self, f"_on_{command}", None)
        answer = handler(message) if handler else {"result": False, "details": f"Unsupported command issued: {command}"}
        if "seq" in message:
            self.send({"seq": message["seq"], "answer": answer})
        if message.get("leave"):
            log.write("DEBUG", AGENT, f"Not ready to connect to mgt server: {message.get('details')}")
            os._exit(1)

    def _about_guests(self, message):
        answer = guests.answer(self.pools, message)
        with contextlib.suppress(OSError):  # the connection may have ended meanwhile; the server asks again
            self.send({"seq": message["seq"], "answer": answer})

    def _on_HostVmStateReportCommand(self, message):
        report = self._power_report()
        return {"result": "guests" in report, **report}

    def _on_StartupAnswer(self, message):
        log.write("INFO", AGENT, f"Process agent startup answer, agent [{self.about}] connected to the server")
        self.ping = float(message.get("pingInterval", 60))
        self._persist(message)
        log.write("INFO", AGENT, f"Startup Response Received: agent [{self.about}]")
        self.about = f"id: {message['id']}, uuid: {message['uuid']}, name: {message['name']}"
        return {"result": True}

    def _persist(self, message):
        """The whole file is rewritten at the first connect."""
        about = {f"LibvirtComputingResource.{key}": str(message[key]) for key in ("id", "uuid", "name")}
        servers = self.properties["host"].split("@")[0] + "@" + message.get("algorithm", "static")
        self._store({**self.properties, **about, "vm.migrate.wait": "3600", "host": servers})

    def _store(self, values):
        if values != self.properties:
            properties.store(PROPERTIES, values)
            os.chmod(PROPERTIES, 0o600)
            self.properties = values

    def _on_CheckNetworkCommand(self, message):
        missing = next((label for label in message["labels"] if not host.has_physical_port(label)), None)
        return {"result": True} if missing is None else {"result": False, "details": f"Can not find network: {missing}"}

    def _on_ModifyStoragePoolCommand(self, message):
        pool = message["pool"]
        source = "kvm.storage.LibvirtStorageAdaptor"
        log.write("INFO", source, f"Attempting to create storage pool {pool['uuid']} (NetworkFilesystem) in libvirt")
        try:
            self.pools[pool["uuid"]] = storage.connect(pool)
        except storage.StorageError as error:
            log.write("ERROR", source, f"Failed to create netfs mount: {pool['host']}:{pool['path']} {error}")
            return {"result": False, "details": str(error)}
        self.seen[pool["uuid"]] = time.monotonic()
        capacity = self.pools[pool["uuid"]].capacity()
        return {"result": True, **({"capacity": capacity[0], "used": capacity[1]} if capacity else {})}

    def _on_DeleteStoragePoolCommand(self, message):
        pool = self.pools.pop(message["uuid"], None)
        if pool is not None:
            pool.release()
        return {"result": True}

    def _on_ReadyCommand(self, message):
        if not message.get("leave"):
            log.write("INFO", AGENT, f"Processing agent ready command, agent {self.about.replace(':', ' =')}")
            log.write("INFO", AGENT, f"Ready command is processed for agent [{self.about}]")
        return {"result": True, "uefi": host.uefi()}

    def _on_SetupMSListCommand(self, message):
        self._store({**self.properties, "host": message["list"]})
        log.write("INFO", AGENT, f"Processed new management server list: {message['list']}")
        return {"result": True}

    def _on_CheckOnHostCommand(self, message):
        """The real agent reads its heartbeat in the pools for this, and hangs where the storage does."""
        now = time.monotonic()
        silent = [uuid for uuid in self.pools if now - self.seen.setdefault(uuid, now) > SILENCE]
        if silent:
            return {"result": False, "details": "Heart is not beating"}
        return {"result": True, "details": "Heart is beating"}

    def _on_ShutdownCommand(self, message):
        """The host was deleted: the process lives on, but does not connect again before it is started anew."""
        log.write("INFO", AGENT, f"Received shutdown command, due to {message.get('reason')}")
        self.deleted = True
        return {"result": True}

    def _pinging(self, stop, _ip):
        while not stop.wait(self.ping):
            try:
                self.send({"command": "PingCommand", "guid": self.properties["guid"], **self._power_report()})
            except OSError:
                return

    @staticmethod
    def _power_report():
        """Which guests run; left out where that cannot be seen, so that none is taken for stopped."""
        try:
            return {"guests": guests.names()}
        except (guests.GuestError, OSError, subprocess.TimeoutExpired):
            return {}

    def _looking(self, stop, _ip):
        """Hangs, or fails, where the storage does."""
        while not stop.wait(LOOK):
            for uuid, pool in list(self.pools.items()):
                with contextlib.suppress(storage.StorageError, OSError):
                    pool.modified("KVMHA")
                    self.seen[uuid] = time.monotonic()

    def _beating(self, stop, ip):
        while not stop.wait(HEARTBEAT):
            for uuid, pool in list(self.pools.items()):
                try:
                    storage.beat(pool, ip)
                except (storage.StorageError, OSError) as error:
                    log.write(
                        "WARN",
                        "kvm.resource.KVMHAMonitor",
                        f"Write heartbeat for pool [{uuid}] failed: {error}; try: 1 of 5.",
                    )


def main():
    """Run until told to stop; SIGTERM tells the server and ends with 143, as a JVM does."""
    agent = Agent()

    def leave(*_):
        with contextlib.suppress(OSError, AttributeError, ValueError):
            agent.send({"command": "ShutdownCommand", "reason": "sig.kill"})
        os._exit(143)

    signal.signal(signal.SIGTERM, leave)
    try:
        agent.configure()
        while not agent.deleted:
            agent.serve(agent.connect())
            time.sleep(RETRY)
        while True:
            signal.pause()
    except Fatal as error:
        log.write("ERROR", "cloud.agent.AgentShell", str(error))
        print(error, flush=True)
        return 1
