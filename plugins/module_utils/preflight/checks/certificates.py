# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the certificates that CloudStack gives a host at the join."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import JOIN_AGAIN, addresses
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, WARNING, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import HOST, check, show


@check(
    "AGT010",
    "The host's certificate is missing, out of date or for other addresses",
    area="certificates",
    severity=ERROR,
    scope=HOST,
    prevents=("F29", "F66", "F28"),
    fix="renew it while the agent is connected: provisionCertificate hostid=... reconnect=true "
    "(ca.framework.cert.automatic.renewal does it by itself)",
    reproduce="openssl x509 -in /etc/cloudstack/agent/cloud.crt -noout -dates -ext subjectAltName",
)
def certificates(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A member's certificate must be valid for more than certificate_days_min days, name the host's management address,
    and be the one that libvirtd shows (/etc/pki/libvirt/servercert.pem).

    It is made for 365 days. When it runs out, agents drop, migration over TLS fails and guests do not start, because
    VNC uses it too (F29). It names addresses, so a host with a new address has no valid one. The clock of the host is
    corrected by its measured offset before the dates are judged: a wrong clock is TIM001's matter. A candidate gets its
    certificate at the join.
    """
    if not host.member:
        return
    pairs = {
        "cloud.crt": _certificate(host, "certificate"),
        "servercert.pem of libvirt": _certificate(host, "libvirt_certificate"),
    }
    told: list[Any] = []
    for name, certificate in pairs.items():
        if not certificate:
            yield Problem((host.name,), f"a certificate, {name}", "there is none")
        elif certificate not in told:
            told.append(certificate)
            yield from _judge_certificate(host, name, certificate, policy)


def _certificate(host: Profile, key: str) -> Optional[Mapping[str, Any]]:
    """The certificate, None where there is none. Raises FactUnavailable where there is one that cannot be read."""
    found = host.require("agent").get(key)
    reason = host.get("unknown", f"agent.{key}")
    if found is None and reason:
        raise FactUnavailable(f"agent.{key}", reason)
    return found


def _judge_certificate(host: Profile, name: str, certificate: Mapping[str, Any], policy: Policy) -> Iterator[Problem]:
    now = datetime.fromtimestamp(
        host.require("collected_at") - ((host.probes.get("clock") or {}).get("offset_s") or 0), timezone.utc
    )
    start, end = _moment(certificate["not_before"]), _moment(certificate["not_after"])
    wanted = f"{name} valid for {policy.certificate_days_min} days or more"
    if now < start:
        yield Problem((host.name,), wanted, f"not valid before {start.isoformat()}; libvirtd does not start with it")
    elif now > end:
        fix = f"provisionCertificate while the agent is still connected; one that has dropped: {JOIN_AGAIN}"
        yield Problem((host.name,), wanted, f"expired on {end.date()}", fix=fix)
    elif end - now < timedelta(days=policy.certificate_days_min):
        yield Problem((host.name,), wanted, f"expires on {end.date()}, in {(end - now).days} days", severity=WARNING)
    address = host.declared.get("address")
    known = {address} if address else addresses(host)
    names = [str(each).split(":", 1)[-1].strip() for each in certificate.get("names") or ()]
    if known and not known & set(names):
        yield Problem((host.name,), f"{name} for {show(sorted(known))}", f"for {show(names)}")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


@check(
    "AGT011",
    "The host's private key was sent on a command line",
    area="certificates",
    severity=WARNING,
    scope=HOST,
    prevents=("F59",),
    fix="make keytool work, delete the host in CloudStack, remove /etc/cloudstack/agent/cloud.*, add it again; "
    "then clean journal and auth log",
    reproduce="openssl x509 -in /etc/cloudstack/agent/cloud.crt -noout -subject; ls -l /etc/cloudstack/agent/cloud.csr",
)
def key_on_command_line(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A member must have made its own key: cloud.csr is there and the certificate's common name is the host's name.

    Where keystore-setup yields no request (no keytool, a stale keystore, a full disk), the management server makes the
    key pair and passes the private key as an argument through sudo, which writes it into the journal. The sign is a
    certificate whose common name is only the address (F59).
    """
    certificate = _certificate(host, "certificate") if host.member else None
    if certificate and certificate.get("subject_cn") in addresses(host) and not host.require("agent", "csr"):
        yield Problem(
            (host.name,),
            "a certificate from the host's own request",
            f"common name {certificate['subject_cn']}, and no cloud.csr",
        )


PAIRS = {
    "key_matches": ("/etc/cloudstack/agent/cloud.crt", "/etc/cloudstack/agent/cloud.key"),
    "libvirt_key_matches": ("/etc/pki/libvirt/servercert.pem", "/etc/pki/libvirt/private/serverkey.pem"),
}


@check(
    "AGT016",
    "The host's certificate does not belong to its key",
    area="certificates",
    severity=ERROR,
    scope=HOST,
    prevents=("F29",),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts: on a host that has never been Up it removes both (a copy "
    "is kept), and the next join creates them again",
    reproduce="for f in 'x509 -noout -pubkey -in cloud.crt' 'pkey -pubout -in cloud.key'; do (cd "
    "/etc/cloudstack/agent; openssl $f | sha256sum); done",
)
def certificate_and_key(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """cloud.crt must be the certificate of cloud.key, and libvirt's servercert.pem that of its serverkey.pem.

    Two addHost at the same time to one host leave the certificate of one and the key of the other (seen: a rerun after
    its controller was killed, while CloudStack went on with the first). libvirtd, which listens with TLS, does not
    start with them any more, and the agent cannot connect.
    """
    for fact, (certificate, key) in PAIRS.items():
        matches = host.get("agent", fact)
        reason = host.get("unknown", f"agent.{fact}")
        if matches is None and reason:
            raise FactUnavailable(f"agent.{fact}", reason)
        if matches is False:  # the second pair are links to the first: one cause, one finding
            fix = (
                f"provisionCertificate while the agent is still connected; one that has dropped: {JOIN_AGAIN}"
                if host.member
                else ""
            )
            yield Problem(
                (host.name,),
                f"{certificate} for the key {key}",
                "for another key; libvirtd does not start with them",
                fix=fix,
            )
            return
