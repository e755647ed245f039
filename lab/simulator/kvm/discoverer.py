# SPDX-License-Identifier: GPL-3.0-or-later
"""addHost on a KVM host: log in, look for KVM, keystore, certificate, set-up program, wait
(LibvirtServerDiscoverer.java)."""

from __future__ import annotations

import hashlib
import secrets
import socket
import string
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from .. import hosts
from ..cloud import Cloud
from ..ports import AddHostRequest, DiscoveryError
from ..records import Record
from .ca import CertificateAuthority, Issued
from .ssh import Session, java

SCRIPTS = "/usr/share/cloudstack-common/scripts/util"
FOLDER = "/etc/cloudstack/agent"
RUNTIME = "com.cloud.utils.exception.CloudRuntimeException"
PASSPHRASE_LETTERS = string.ascii_letters + string.digits


def guid_of(ip: str) -> str:
    """The identity of a host: the version 3 UUID of its address as Java's nameUUIDFromBytes makes it."""
    digest = bytearray(hashlib.md5(ip.encode()).digest())
    digest[6] = digest[6] & 0x0F | 0x30
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def encode(text: str) -> str:
    """As certificates travel on a command line: ^ for newline, ~ for blank."""
    return text.replace("\n", "^").replace(" ", "~")


class KvmDiscoverer:
    """Prepares hosts. `interval` and `polls` are how the real server waits: 30 s, ten times."""

    def __init__(
        self, cloud: Cloud, authority: CertificateAuthority, key: Path | None, interval: float, polls: int
    ) -> None:
        self._cloud, self._authority, self._key = cloud, authority, key
        self._interval, self._polls = interval, polls

    def prepare(self, request: AddHostRequest) -> str:
        """Everything up to the agent's start. Returns the guid. Raises DiscoveryError, ResourcesNotFound."""
        parts = urlsplit(request.url)
        ip = self._resolve(parts.hostname)
        guid = guid_of(ip)
        with self._cloud.lock:
            known = hosts.by_guid(self._cloud, guid, request.zone)
        if known is not None:
            text = f"Skipping host {ip} because {guid} is already in the database for resource {guid}-LibvirtComputingResource with ID {known.uuid}"  # noqa: E501
            raise java(RUNTIME, text)
        session = Session(ip, self._port(request.url), self._cloud.clock.sleep)
        try:
            session.login(request.username, request.password, self._key)
            self._set_up(session, request, ip, guid)
        finally:
            session.close()
        return guid

    def _resolve(self, name: str | None) -> str:
        if not name:  # Java's InetAddress takes no name for the loopback address
            return "127.0.0.1"
        try:
            return socket.gethostbyname(name)
        except OSError:
            raise java("java.net.UnknownHostException", f"{name}: Name or service not known") from None

    def _port(self, url: str) -> int:
        host, _, tail = urlsplit(url).netloc.rsplit("@", 1)[-1].partition(":")
        tail = tail if host else ""  # a Java URI without host has no port either
        return int(tail) if tail.isdigit() else int(self._cloud.settings.get("kvm.host.discovery.ssh.port") or 22)

    def _set_up(self, session: Session, request: AddHostRequest, ip: str, guid: str) -> None:
        if session.run("ls /dev/kvm")[0] != 0:
            raise DiscoveryError("This machine does not have KVM enabled.")
        self._keystore(session, urlsplit(request.url).hostname or ip, ip)
        labels = request.labels
        parameters = (
            f" -m {request.management} -z {request.zone} -p {request.pod} -c {request.cluster} -g {guid} -a -s "
            f" --pubNic={labels['Public']} --prvNic={labels['Management']} --guestNic={labels['Guest']} "
            "--hypervisor=kvm"
        )
        program = "cloudstack-setup-agent " if request.username == "root" else "sudo cloudstack-setup-agent "
        if session.run(program + parameters)[0] != 0:
            raise DiscoveryError(
                f"CloudStack Agent setup through command [{program}] with parameters [{parameters}] failed."
            )

    def _keystore(self, session: Session, host: str, ip: str) -> None:
        passphrase = "".join(secrets.choice(PASSPHRASE_LETTERS) for _ in range(16))
        files = f"{FOLDER}/agent.properties {FOLDER}/cloud.jks"
        command = f"sudo {SCRIPTS}/keystore-setup {files} {passphrase} 365 {FOLDER}/cloud.csr"
        status, csr = session.run(command, [passphrase])
        if status != 0:
            raise java(RUNTIME, f"Failed to setup keystore on the KVM host: {ip}")
        issued = self._authority.issue(csr, list(dict.fromkeys([host, ip])))
        if session.run(self._import(passphrase, issued), [passphrase, encode(issued.key)])[0] != 0:
            text = (
                "Failed to setup certificate in the KVM agent's keystore file, please see logs and configure manually!"
            )
            raise java(RUNTIME, text)

    def _import(self, passphrase: str, issued: Issued) -> str:
        pairs = (
            (f"{FOLDER}/cloud.crt", issued.certificate),
            (f"{FOLDER}/cloud.ca.crt", issued.ca),
            (f"{FOLDER}/cloud.key", issued.key),
        )
        texts = " ".join(f'{path} "{encode(text)}"' for path, text in pairs)
        return (
            f"sudo {SCRIPTS}/keystore-cert-import {FOLDER}/agent.properties {passphrase} {FOLDER}/cloud.jks ssh {texts}"
        )

    def wait_for(self, guid: str) -> Record | None:
        """Look for a row that is Up and Enabled. None where there was none at the last look, even if it comes Up in the
        wait after that, and also where it stands in Alert: both were seen on a real 4.22.1."""
        for _ in range(self._polls):
            with self._cloud.lock:
                row = hosts.by_guid(self._cloud, guid)
            if row is not None and row["state"] == "Up" and row["resourcestate"] == "Enabled":
                return row
            self._cloud.clock.sleep(self._interval)
        return None
