# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent port, 8250: agents connect with TLS and a certificate of this CA, report their host, and are asked what the
real server asks before a host is Up."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import queue
import socket
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any

from .. import hosts, power_report
from ..cloud import Cloud
from ..commands.physical_network import kvm_labels
from ..records import Record
from .ca import CertificateAuthority

LOG = logging.getLogger(__name__)
ALERT_HOST = (7, "ALERT.COMPUTE.HOST")
READY_WAIT = 60  # seconds, global setting ready.command.wait
WATCH = 10  # seconds between two looks at who has gone silent
# Seconds that the real server still asks neighbours and heartbeats after ping.timeout: a hung host turned Alert after
# 283 s,
# of which ping.interval x ping.timeout are 150.
INVESTIGATION = 133


class Refused(Exception):
    """The server will not have this agent."""


class Link:
    """One agent's connection."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._lock, self._numbers = threading.Lock(), itertools.count(1)
        self._waiting: dict[int, queue.Queue] = {}
        self.guid = ""

    def ask(self, command: str, timeout: float = READY_WAIT, **fields: Any) -> dict[str, Any]:
        """Send a command and wait for its answer. Raises TimeoutError or OSError."""
        number, box = next(self._numbers), queue.Queue[dict[str, Any]](1)
        self._waiting[number] = box
        try:
            self.tell(command, seq=number, **fields)
            return box.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no answer to {command} within {timeout:g} s") from None
        finally:
            self._waiting.pop(number, None)

    def tell(self, command: str, **fields: Any) -> None:
        """Send a command."""
        with self._lock:
            self._connection.sendall((json.dumps({"command": command, **fields}) + "\n").encode())

    def answered(self, message: dict[str, Any]) -> None:
        """Bring an answer to who waits for it."""
        box = self._waiting.get(message["seq"])
        if box is not None:
            box.put(message["answer"])

    def lines(self):
        """What the agent sends, as values."""
        with self._connection.makefile("r", encoding="utf-8") as stream:  # left open, it would keep the connection open
            for line in stream:
                yield json.loads(line)

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class AgentServer:
    """Listens, and keeps the link of each connected agent by its host's number."""

    def __init__(self, cloud: Cloud, authority: CertificateAuthority, address: str, port: int) -> None:
        self._cloud, self._authority, self._address, self._port = cloud, authority, address, port
        self._links: dict[int, Link] = {}

    def start(self) -> None:
        """Listen from now on."""
        self._listener = socket.create_server((self._address, self._port), reuse_port=False, backlog=50)
        self.port = self._listener.getsockname()[1]
        threading.Thread(
            target=self._accept, args=(self._listener, self._context()), daemon=True, name="agents"
        ).start()
        threading.Thread(target=self._watch, daemon=True, name="agent-watch").start()

    def stop(self) -> None:
        """Listen no longer, and let go of all agents."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()
        for link in list(self._links.values()):
            link.close()

    def _context(self) -> ssl.SSLContext:
        """Agents must show a certificate of this CA (ca.plugin.root.auth.strictness, true on fresh databases)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self._authority.certificate)
        pair = self._authority.server_pair()
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as stream:
            stream.write(pair.key + pair.certificate)
            stream.flush()
            Path(stream.name).chmod(0o600)
            context.load_cert_chain(stream.name)
        return context

    def _accept(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        while True:
            try:
                raw, peer = listener.accept()
            except OSError:  # stopped
                return
            threading.Thread(
                target=self._serve, args=(raw, peer, context), daemon=True, name=f"agent-{peer[0]}"
            ).start()

    def _serve(self, raw: socket.socket, peer: tuple, context: ssl.SSLContext) -> None:
        try:
            raw.settimeout(30)
            connection = context.wrap_socket(raw, server_side=True)
            connection.settimeout(None)
        except (OSError, ssl.SSLError) as error:
            LOG.warning("SSL: Handshake failed with %s: %s", peer[0], error)
            raw.close()
            return
        link = Link(connection)
        row: Record | None = None
        clean = False
        try:
            for message in link.lines():
                if "answer" in message:
                    link.answered(message)
                elif message["command"] == "StartupRoutingCommand":
                    row = self._begin(link, message)
                elif message["command"] == "PingCommand" and row is not None:
                    row["pinged"] = self._cloud.clock.now()
                    if "guests" in message:
                        power_report.read(self._cloud, row, message["guests"])
                elif message["command"] == "ShutdownCommand":
                    clean = True
                    break
        except (OSError, ValueError) as error:
            LOG.info("connection of %s ended: %s", peer[0], error)
        link.close()
        if row is not None:
            self._gone(row, link, clean)

    def ask(self, row: Record, command: str, timeout: float, **fields: Any) -> dict[str, Any]:
        """What the agent of a host answers. Raises OSError where it is not connected, TimeoutError."""
        link = self._links.get(row.number)
        if link is None:
            raise ConnectionError("no agent is connected")
        return link.ask(command, timeout, **fields)

    # --- coming
    # ---------------------------------------------------------------------------------------------------------------

    def _begin(self, link: Link, message: dict[str, Any]) -> Record | None:
        """Make or renew the host's row, then go on beside: the answers come over the same connection."""
        try:
            with self._cloud.lock:
                row = self._row_for(message)
        except Refused as refusal:
            self._refuse(link, str(refusal))
            return None
        old = self._links.get(row.number)
        self._links[row.number] = link
        if old is not None:
            old.close()
        threading.Thread(target=self._admit, args=(link, row), daemon=True, name=f"admit-{row.number}").start()
        return row

    def _row_for(self, message: dict[str, Any]) -> Record:
        cluster = self._number("cluster", message["cluster"])
        if cluster["hypervisor"] != "KVM":
            raise Refused(f"Unable to add host {message['name']}: hypervisor KVM is not that of cluster {cluster}")
        if cluster["arch"] != message["arch"]:
            raise Refused(
                f"Can't add host whose arch is: {message['arch']} into cluster of arch type: {cluster['arch']}"
            )
        zone, pod = self._number("zone", message["dataCenter"]), self._number("pod", message["pod"])
        self._check_os(message, cluster)
        row = hosts.by_guid(self._cloud, message["guid"])
        columns = self._columns(message, zone, pod, cluster)
        if row is None:
            row = self._cloud.table("host").add(
                state="Connecting",
                type="Routing",
                resourcestate="Enabled",
                created=self._cloud.clock.stamp(),
                tags=[],
                **columns,
            )
        else:
            row.data.update(columns)
            hosts.set_state(self._cloud, row, "Connecting")
        return row

    def _number(self, table: str, word: str) -> Record:
        row = self._cloud.table(table).find(int(word)) if str(word).isdigit() else None
        if row is None:
            raise Refused(f"Unable to find the {table} {word} of the agent")
        return row

    def _check_os(self, message: dict[str, Any], cluster: Record) -> None:
        """Only the name of the distribution is compared, with one host of the cluster."""
        mine = message["hostDetails"]["Host.OS"]
        for other in self._cloud.table("host").where(cluster=cluster.number, state="Up"):
            theirs = (other.get("details") or {}).get("Host.OS", mine)
            if theirs != mine and other.get("guid") != message["guid"]:
                raise Refused(
                    f'Can\'t add host: {message["privateIpAddress"]} with hostOS, "{mine}"into a cluster, in which '
                    f'there are "{theirs}" hosts added.'
                )

    def _columns(self, message: dict[str, Any], zone: Record, pod: Record, cluster: Record) -> dict[str, Any]:
        return {
            "name": message["name"], "ipaddress": message["privateIpAddress"], "zone": zone.number, "pod": pod.number,
            "cluster": cluster.number,
            "hypervisor": "KVM", "cpusockets": message["cpuSockets"], "cpunumber": message["cpus"],
            "cpuspeed": message["speed"],
            "memorytotal": message["memory"], "capabilities": message["caps"], "arch": message["arch"],
            "guid": message["guid"],
            "details": message["hostDetails"], "uefi": message.get("uefi", False), "encryption": True,
            "conversion": False,
            "pinged": self._cloud.clock.now(),
        }  # fmt: skip

    def _admit(self, link: Link, row: Record) -> None:
        """What every listener of the real server asks; a veto leaves the host in Alert and the agent starts again."""
        try:
            interval = self._cloud.settings.number("ping.interval")
            link.ask(
                "StartupAnswer",
                id=row.number,
                uuid=row.uuid,
                name=row["name"],
                pingInterval=interval,
                algorithm="static",
            )
            self._check_network(link, row)
            for pool in self._pools(row):
                problem = self._connect(link, pool)
                if problem:
                    raise Refused(f"Unable to connect host {row} to storage pool {pool['name']} due to {problem}")
            ready = link.ask("ReadyCommand", timeout=READY_WAIT)
            with self._cloud.lock:
                if not row.removed:
                    row["uefi"] = ready.get("uefi", row.get("uefi"))
                    hosts.set_state(self._cloud, row, "Up")
        except Refused as refusal:
            with self._cloud.lock:
                self._cloud.alert(*ALERT_HOST, str(refusal))
                hosts.set_state(self._cloud, row, "Alert")
            self._refuse(link, str(refusal))
        except (OSError, TimeoutError) as error:
            LOG.warning("host %s could not be admitted: %s", row["name"], error)
            with self._cloud.lock:
                hosts.set_state(self._cloud, row, "Alert")
            link.close()

    def _refuse(self, link: Link, why: str) -> None:
        """Tell the agent to leave; its service starts it again ten seconds later."""
        LOG.warning("agent refused: %s", why)
        with contextlib.suppress(OSError):
            link.tell("ReadyCommand", details=why, leave=True)

    def _check_network(self, link: Link, row: Record) -> None:
        labels = kvm_labels(self._cloud, row["zone"])
        answer = link.ask("CheckNetworkCommand", labels=[labels[kind] for kind in ("Guest", "Management", "Public")])
        if not answer["result"]:
            raise Refused(
                "Incorrect Network setup on agent, Reinitialize agent after network names are setup, details : "
                + answer["details"]
            )

    # --- storage
    # --------------------------------------------------------------------------------------------------------------

    def _pools(self, row: Record) -> list[Record]:
        pools = self._cloud.table("storagepool").where(zone=row["zone"], type="NetworkFilesystem")
        return [pool for pool in pools if pool["scope"] == "ZONE" or pool.get("cluster") == row["cluster"]]

    def _connect(self, link: Link, pool: Record) -> str | None:
        """Why an agent cannot use a pool, None where it can."""
        about = {"uuid": pool.uuid, "host": pool["ipaddress"], "path": pool["path"], **(pool.get("details") or {})}
        try:
            answer = link.ask("ModifyStoragePoolCommand", timeout=300, pool=about)
        except (OSError, TimeoutError) as error:
            return str(error)
        if answer["result"] and answer.get("capacity"):
            pool["capacity"], pool["used"] = answer["capacity"], answer["used"]
        return None if answer["result"] else answer["details"]

    def connect_pool(self, pool: Record, members: list[Record]) -> str | None:
        """Connect a new pool on all hosts; the first problem, None where there is none. Only NFS pools are mounted."""
        if pool["type"] != "NetworkFilesystem":
            return None
        for row in members:
            link = self._links.get(row.number)
            problem = self._connect(link, pool) if link else "the host has no agent"
            if problem:
                LOG.warning("host %s cannot connect pool %s: %s", row["name"], pool["name"], problem)
                return problem
        return None

    # --- going
    # ----------------------------------------------------------------------------------------------------------------

    def _gone(self, row: Record, link: Link, clean: bool) -> None:
        """Stopped cleanly: Disconnected at once. A link that is lost leaves the row Up while the host's heartbeat is
        young, as the real server does, because it asks the neighbours; without a heartbeat pool it becomes Alert."""
        with self._cloud.lock:
            if self._links.get(row.number) is not link:
                return
            del self._links[row.number]
            if row.removed:
                return
            if clean:
                hosts.set_state(self._cloud, row, "Disconnected")
            elif row["state"] == "Up" and not self._pools(row):
                self._lost(row)

    def _lost(self, row: Record) -> None:
        self._cloud.alert(
            *ALERT_HOST, f"Host disconnected, name: {row['name']} (id:{row.uuid}), {hosts.place(self._cloud, row)}"
        )
        hosts.set_state(self._cloud, row, "Alert")

    def _watch(self) -> None:
        while True:
            self._cloud.clock.sleep(WATCH)
            self.give_up_silent()

    def give_up_silent(self) -> None:
        """Hosts whose agent has not been heard of for too long become Alert, with or without a connection."""
        settings = self._cloud.settings
        oldest = (
            self._cloud.clock.now() - settings.number("ping.interval") * settings.number("ping.timeout") - INVESTIGATION
        )
        with self._cloud.lock:
            for row in self._cloud.table("host").where(hypervisor="KVM", state="Up"):
                if row["pinged"] < oldest:
                    self._lost(row)
                    self.drop(row)

    def drop(self, row: Record) -> None:
        """Cut an agent's connection; it comes back by itself."""
        link = self._links.get(row.number)
        if link is not None:
            link.close()

    def forget(self, row: Record) -> None:
        """The host was deleted: its agent is told to stop reconnecting; its process keeps running, and registers the
        host again when it is started anew."""
        link = self._links.pop(row.number, None)
        if link is not None:
            with contextlib.suppress(OSError):
                link.tell("ShutdownCommand", reason="deleteHost")
            link.close()

    def forget_pool(self, uuid: str) -> None:
        """A pool was deleted: agents let go of it."""
        for link in list(self._links.values()):
            with contextlib.suppress(OSError):
                link.tell("DeleteStoragePoolCommand", uuid=uuid)

    def push_management_list(self, value: str) -> None:
        """A change of the setting host goes to every connected agent at once."""
        for link in list(self._links.values()):
            threading.Thread(target=self._push, args=(link, value), daemon=True).start()

    @staticmethod
    def _push(link: Link, value: str) -> None:
        try:
            link.ask("SetupMSListCommand", list=f"{value}@static")
        except (OSError, TimeoutError) as error:
            LOG.warning("the list of management servers did not reach an agent: %s", error)
