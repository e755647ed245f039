# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the BMC (out-of-band management). CloudStack fences with it, so it must be reachable, and it must be this
host's.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.access import not_tried, servers
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.fixes import BMC, BMC_ELSE, fix_for
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import bridge_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.majority import blame_newcomers
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.plan.probes import guest_bridges
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    fact_unavailable,
)

PASSWORD_REFUSED = r"RAKP [24] HMAC|RAKP 4 message|integrity check value|password"  # ipmitool's words
# What firmware says where nobody has written a serial number.
NO_SERIAL = ("0123456789", "DEFAULT STRING", "NONE", "NOT SPECIFIED", "SYSTEM SERIAL NUMBER", "TO BE FILLED BY O.E.M.")
IDENTITY_FIX = (
    "correct oobm_address of this host: compare `ipmitool mc guid` and `ipmitool lan print` on the host "
    "with the BMC behind that address"
)


def same_guid(one: str, other: str) -> bool:
    """Whether two GUIDs are the same, in whatever order of bytes: SMBIOS, IPMI and RFC 4122 differ, and ipmitool's
    versions too.
    """
    return bool(_orders(one) & _orders(other))


def _orders(guid: str) -> set[bytes]:
    digits = re.sub(r"[^0-9a-f]", "", guid.lower())
    if len(digits) != 32 or len(set(digits)) == 1:  # all zeros or all ones: a BMC without a GUID
        return set()
    plain = bytes.fromhex(digits)
    both = {plain, _swapped(plain)}
    both |= {_swapped(each[::-1])[::-1] for each in both}  # the same at the other end
    return both | {each[::-1] for each in both}


def _swapped(guid: bytes) -> bytes:
    """The first three fields with their bytes in the other order, as SMBIOS stores them. IPMI sends all 16 bytes in the
    other order.
    """
    return guid[3::-1] + guid[5:3:-1] + guid[7:5:-1] + guid[8:]


def _address(text: object) -> Optional[str]:
    """An address as it is written normally; None for a name and for 0.0.0.0, which a BMC says that has none."""
    try:
        address = ipaddress.ip_address(str(text))
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)


def _over_lan(host: Profile, key: str) -> Any:
    """What a BMC has told a management server."""
    found = [(each.get("bmc") or {}).get(key) for each in (host.probes.get("management") or {}).values()]
    return next((each for each in found if each), None)


@check(
    "BMC001",
    "A management server cannot use the host's BMC",
    area="bmc",
    severity=ERROR,
    scope=HOST,
    prevents=("F49", "F50"),
    unknown=WARNING,
    fix=BMC_ELSE,
    reproduce="ipmitool -I lanplus -R 1 -H BMC -p 623 -U USER -E chassis power status   # on each management "
    "server, password in IPMI_PASSWORD",
)
def reachable(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every management server must get the power state from the BMC with the declared account, by the very ipmitool
    call that CloudStack makes.

    Any of them may be the one that fences. Configuring out-of-band management never tests it; a wrong password, account
    or address is seen only as power state Unknown, and Host HA cannot fence (F49). A host without a declared BMC is
    only an info: it can be neither fenced nor recovered, and Host HA leaves it Ineligible (F50).
    """
    address = host.declared.get("oobm_address")
    if not address:
        fix = "set oobm_address, oobm_username and oobm_password"
        yield Problem((host.name,), "a BMC for fencing (oobm_address)", "none declared", severity=INFO, fix=fix)
        return
    failed = {}
    for name, server in sorted(servers(host).items()):
        seen = server.get("bmc")
        if seen is None or seen.get("ok") is None:
            expected = f"an answer of the BMC {address} to {name}"
            yield Problem((host.name,), expected, not_tried(server, "bmc"), kind=UNKNOWN)
        elif not seen["ok"]:
            failed[name] = seen.get("text") or "no answer"
    if failed and not _cut(host, failed.values()):
        expected = f"the power state from the BMC {address} on every management server"
        observed = "; ".join(f"{name}: {text}" for name, text in failed.items())
        fixes = dict.fromkeys(fix_for(BMC, text, BMC_ELSE) for text in failed.values())
        yield Problem((host.name,), expected, observed, fix="; ".join(fixes))


def _cut(host: Profile, texts: Iterable[str]) -> bool:
    """Whether the BMC refuses the password everywhere, and that is so because it is too long: BMC008 says so."""
    refused = all(re.search(PASSWORD_REFUSED, text, re.IGNORECASE) for text in texts)
    return bool(host.declared.get("oobm_password_too_long")) and refused


@check(
    "BMC002",
    "The declared BMC is another machine's",
    area="bmc",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F49",),
    unknown=INFO,
    fix=IDENTITY_FIX,
    reproduce="ipmitool mc guid; ipmitool lan print 1 | grep 'IP Address  '   # on the host",
)
def identity(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The BMC behind oobm_address must be the one inside this machine. If it is not, fencing this host powers off
    ANOTHER machine, with its guests, while this one runs on, and the guests are then started twice.

    Proof, in this order: a BMC that says its machine is off while the host answers is another's. The GUID that the host
    sees in band must be the one over LAN (in any byte order). Without GUIDs, the BMC's address in band must be the
    declared one. Without both, an SMBIOS UUID that is the GUID over LAN proves it, or a serial number (`ipmitool fru`
    over LAN, SMBIOS on the host); one that differs proves nothing, because many BMCs have a GUID of their own. But
    where another host says in band that its BMC has the declared address, or has the serial number, it is that one's. A
    kernel without an IPMI device leaves it unknown, which is only an info.
    """
    for host in hosts:
        declared = host.declared.get("oobm_address")
        said, proven = _foreign(host) if declared else ("", True)
        said = said or ("" if proven else _neighbours(host, hosts))
        if said:
            owner = _owner(host, hosts)
            whose = f"; it is {owner}'s" if owner else ""
            risk = f"{said}{whose}. Fencing {host.name} would power off {owner or 'another machine'}"
            yield Problem((host.name,), f"the BMC {declared} inside {host.name}", risk)
        elif not proven:
            neither = "neither GUID nor address of the BMC can be seen in band"
            why = host.why("bmc") if host.get("bmc") is None else neither
            yield fact_unavailable(host, FactUnavailable("bmc", why))


def _owner(host: Profile, hosts: Sequence[Profile]) -> str:
    """The one other host whose own BMC answers at this host's oobm_address; empty where that is not known."""
    outside, serials = _over_lan(host, "guid") or "", _serials_over_lan(host)
    others = [other for other in hosts if other is not host]
    owners = {other.name for other in others if same_guid(other.get("bmc", "guid") or "", outside)}
    declared = _address(host.declared.get("oobm_address"))
    owners |= {other.name for other in others if _serial(other) in serials}
    if declared and not owners:
        owners = {other.name for other in others if _address(other.get("bmc", "address")) == declared}
    return owners.pop() if len(owners) == 1 else ""


def _neighbours(host: Profile, hosts: Sequence[Profile]) -> str:
    """What shows that the BMC of a host without a proof is the one of exactly one neighbour. One that both declare is
    BMC003's.
    """
    declared, serials = host.declared.get("oobm_address"), _serials_over_lan(host)
    address = _address(declared)
    others = [each for each in hosts if each is not host and each.declared.get("oobm_address") != declared]
    has_address = [each.name for each in others if address and _address(each.get("bmc", "address")) == address]
    has_serial = [each.name for each in others if _serial(each) in serials]
    if len(has_address) == 1:
        return f"the BMC inside {has_address[0]} has the address {address}"
    return f"its serial number is that of {has_serial[0]}" if len(has_serial) == 1 else ""


def _serial(host: Profile) -> str:
    """The machine's serial number, - for one that its maker has not written."""
    text = str(host.get("dmi", "product_serial") or "").strip().upper()
    return "-" if len(set(text)) < 2 or text in NO_SERIAL else text


def _serials_over_lan(host: Profile) -> set[str]:
    return {str(each).strip().upper() for each in _over_lan(host, "serials") or ()}


def _foreign(host: Profile) -> tuple[str, bool]:
    """What shows that the declared BMC is another machine's, and whether anything shows that it is this one's."""
    inside, outside = host.get("bmc", "guid") or "", _over_lan(host, "guid") or ""
    declared, own = _address(host.declared.get("oobm_address")), _address(host.get("bmc", "address"))
    if _over_lan(host, "power") == "off":
        return "it says that its machine is off, but the host runs", False
    if _orders(inside) and _orders(outside):
        same = same_guid(inside, outside)
        return "" if same else f"GUID {outside} over LAN, {inside} in band", same
    if declared and own:
        return "" if declared == own else f"in band the BMC's address is {own}", declared == own
    by_uuid = same_guid(host.get("dmi", "product_uuid") or "", outside)
    return "", by_uuid or _serial(host) in _serials_over_lan(host)


@check(
    "BMC003",
    "Two hosts share a BMC",
    area="bmc",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F49",),
    fix="give each host its own oobm_address; a BMC answers for one machine only",
    reproduce="ipmitool -I lanplus -H BMC -U USER -E mc guid   # on a management server, for both hosts",
)
def shared(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No two hosts may declare one BMC (address and port), and no two BMCs may have one GUID.

    With a copied oobm_address the fencing of one host powers off the other. One GUID on BMCs with two addresses is a
    warning: some vendors give all boards the same, and it then proves nothing (BMC002). Where the BMC is already proven
    to be another machine's, BMC002 says so, and the host is left out here.
    """
    groups: dict[str, list[Profile]] = {}
    for host in hosts:
        said, proven = _foreign(host)
        for key in _keys(host) if not said and (proven or not _neighbours(host, hosts)) else ():
            groups.setdefault(key, []).append(host)
    told = set()
    for key, sharing in sorted(groups.items()):
        names = tuple(sorted(host.name for host in sharing))
        if len(names) > 1 and names not in told:
            told.add(names)
            guilty, others = blame_newcomers(sharing)
            severity = WARNING if key.startswith("GUID") else ERROR
            yield Problem(
                guilty,
                "a BMC of its own for each host",
                f"{key} on {', '.join(names)}",
                others=others,
                severity=severity,
            )


def _keys(host: Profile) -> Iterator[str]:
    declared = host.declared.get("oobm_address")
    if declared:
        yield f"BMC {str(declared).lower()} port {host.declared.get('oobm_port') or 623}"
    for guid in {
        min(_orders(each), default=b"").hex()
        for each in (host.get("bmc", "guid"), declared and _over_lan(host, "guid"))
        if each
    } - {""}:
        yield f"GUID {guid}"


@check(
    "BMC004",
    "Guests can reach the BMC",
    area="bmc",
    severity=WARNING,
    scope=HOST,
    prevents=("F49",),
    unknown=INFO,
    fix="move the BMCs into a network of their own that only the management servers reach",
    reproduce="ipmitool -I lanplus -H BMC -U nobody -P nobody chassis power status   # from a guest: any answer is "
    "too much",
)
def guests_reach(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The BMC must not answer on a bridge of guest or public traffic, nor have an address inside a subnet of theirs.

    Whoever reaches an IPMI 2.0 BMC can have it hand out a hash of the password (RAKP), and power off the host. Probed
    from the host through the guest bridge where that has an address; else the addresses are compared.
    """
    declared = _address(host.declared.get("oobm_address"))
    if not declared:
        return
    bridges = guest_bridges(cluster.labels)
    networks = [(name, net) for name in bridges for net in bridge_of(host, name).get("addresses") or ()]
    inside = list(dict.fromkeys(name for name, net in networks if _contains(net, declared)))
    if (host.probes.get("bmc_from_guest") or {}).get("reachable"):
        bridge = host.require_probe("bmc_from_guest", "bridge")
        yield Problem(
            (host.name,), f"no answer of the BMC {declared} on the guests' network", f"reached through {bridge}"
        )
    elif inside:
        yield Problem(
            (host.name,), f"the BMC {declared} outside of guest subnets", f"in the subnet of {', '.join(inside)}"
        )
    elif (host.probes.get("bmc_from_guest") or {}).get("reachable") is None:
        host.require_probe("bmc_from_guest", "reachable")


def _contains(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_interface(network).network


@check(
    "BMC006",
    "Fencing with Redfish fails on a machine that is off",
    area="bmc",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F51",),
    fix="set oobm_driver: ipmitool for hosts with Host HA; or know that a dead host needs declareHostAsDegraded",
    reproduce="curl -ku USER https://BMC/redfish/v1/Systems   # then ResetType GracefulShutdown twice",
)
def redfish(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Hosts that are to be fenced should use the driver ipmitool.

    CloudStack's Redfish driver turns OFF into GracefulShutdown: a hung system ignores it, and a BMC answers 409 when
    the machine is off already. The host then stays in Fencing and its guests are not started elsewhere until it is
    powered on (issues 13376, 13377; F51). It is made for Dell and Supermicro; machines of other vendors are named with
    theirs. The module redfish_check reads what one BMC can do.
    """
    concerned = [
        host for host in hosts if host.declared.get("oobm_address") and host.declared.get("oobm_driver") == "redfish"
    ]
    others = [f"{host.name} is of {_untried_vendor(host)}" for host in concerned if _untried_vendor(host)]
    if concerned:
        observed = "; ".join(["redfish", *others])
        yield Problem(tuple(host.name for host in concerned), "oobm_driver: ipmitool", observed)


def _untried_vendor(host: Profile) -> str:
    """The machine's vendor, if CloudStack's Redfish driver is not made for it; empty where it is, or is not known."""
    vendor = str(host.get("dmi", "vendor") or "")
    return "" if vendor.lower().startswith(("dell", "supermicro", "super micro")) else vendor


@check(
    "BMC007",
    "The BMC depends on the management network",
    area="bmc",
    severity=INFO,
    scope=CLUSTER,
    prevents=("F49",),
    fix="put the BMCs into a subnet, VLAN and switch of their own, with a way from each management server; or know "
    "that a host which loses its management network cannot be fenced",
    reproduce="ip -br address show dev BRIDGE   # on the host, against oobm_address",
)
def on_management_network(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The BMC should not lie in the subnet of the bridge that carries management traffic.

    CloudStack fences a host when it has lost it. Where the loss is that of the management network itself (its switch,
    its VLAN), the BMC on the same segment is lost with it: fencing is tried again and again, and the guests are not
    started elsewhere (F49, apache/cloudstack#7543). It is a risk, not a fault, and in many racks there is one switch
    only. Compared are the addresses; a BMC in another subnet may still hang on the same switch, which no host can see.
    """
    concerned: dict[str, str] = {}
    for host in hosts:
        declared = _address(host.declared.get("oobm_address"))
        for name in cluster.labels.get("Management", ()):
            networks = bridge_of(host, name).get("addresses") or ()
            if declared and any(_contains(net, declared) for net in networks):
                concerned.setdefault(host.name, f"{declared} in the subnet of {name}")
    if concerned:
        first = concerned[min(concerned)]
        more = f", and so on {len(concerned) - 1} more" if len(concerned) > 1 else ""
        yield Problem(tuple(concerned), "a BMC outside of the management bridge's subnet", first + more)


@check(
    "BMC008",
    "The BMC's password is too long",
    area="bmc",
    severity=ERROR,
    scope=HOST,
    prevents=("F49",),
    fix="give the account a password of 16 bytes or less, on the BMC and in oobm_password",
    reproduce="ipmitool -I lanplus -R 1 -H BMC -U USER -E chassis power status   # RAKP 2 HMAC is invalid",
)
def password(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """oobm_password must have 16 bytes or less with the driver ipmitool.

    IPMI 1.5 stores 16 bytes and IPMI 2.0 20 (section 22.30, Set User Password). CloudStack stores any number; a BMC
    cuts what is too long without a word, and refuses the whole of it at each login: the power state is Unknown, and
    nothing can be fenced (F49). Letters beyond ASCII have two bytes or more.
    """
    size = host.declared.get("oobm_password_too_long")
    if size and host.declared.get("oobm_address") and _by_ipmitool(host):
        yield Problem((host.name,), "an oobm_password of 16 bytes at most", f"{size} bytes")


def _by_ipmitool(host: Profile) -> bool:
    return host.declared.get("oobm_driver") in (None, "ipmitool")


@check(
    "BMC009",
    "The BMC has no cipher suite that ipmitool asks for",
    area="bmc",
    severity=ERROR,
    scope=HOST,
    prevents=("F49",),
    fix="open cipher suite 17 or 3 for administrators on the LAN channel (oobm_cipher_privileges, or `ipmitool lan set"
    " 1 cipher_privs`), or update the BMC's firmware",
    reproduce="ipmitool lan print 1 | grep Cipher   # on the host, as root",
)
def ciphers(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Cipher suite 3 or 17 must be open to administrators on the BMC's LAN channel.

    CloudStack passes no -C: ipmitool 1.8.19 asks for suite 17 and falls back to 3, older ones take 3, and without -L
    they ask for the privilege administrator (F49). Seen in band, where the BMC tells it; where a management server has
    tried the login, BMC001 says what came of it.
    """
    privileges = _cipher_privileges(host)
    if privileges and _by_ipmitool(host) and not _tried_over_lan(host):
        allowed = [number for number, letter in privileges.items() if letter in "aO"]
        if not {3, 17} & set(allowed):
            observed = ", ".join(f"suite {number}: {letter}" for number, letter in sorted(privileges.items()))
            yield Problem((host.name,), "suite 3 or 17 open to administrators (a)", observed)


def _cipher_privileges(host: Profile) -> dict[int, str]:
    """The highest privilege of each suite as one letter, empty where the BMC keeps it to itself."""
    suites, letters = host.get("bmc", "cipher_suites") or (), host.get("bmc", "cipher_privileges") or ""
    return dict(zip(suites, letters)) if host.declared.get("oobm_address") else {}


def _tried_over_lan(host: Profile) -> bool:
    tried = [each.get("bmc") or {} for each in (host.probes.get("management") or {}).values()]
    return any(each.get("ok") is not None for each in tried)


@check(
    "BMC010",
    "The BMC lets everybody in (cipher suite 0)",
    area="bmc",
    severity=WARNING,
    scope=HOST,
    prevents=("F49",),
    fix="close cipher suite 0: oobm_cipher_privileges with X as its first letter, or `ipmitool lan set 1 cipher_privs`",
    reproduce="ipmitool -I lanplus -C 0 -H BMC -U USER -P anything chassis power status   # an answer is too much",
)
def no_password(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Cipher suite 0 must be closed on the BMC's LAN channel: it asks for no password (CVE-2013-4782).

    Whoever reaches such a BMC can power off the host with the name of any account.
    """
    letter = _cipher_privileges(host).get(0, "X")
    if letter != "X":
        yield Problem((host.name,), "suite 0 closed (X)", f"suite 0: {letter}")


@check(
    "BMC011",
    "The BMC locks accounts",
    area="bmc",
    severity=INFO,
    scope=CLUSTER,
    prevents=("F49",),
    fix="nothing while the password is right. Before a change of it, disable out-of-band management of the host, or use"
    " the module oobm_password, which tells CloudStack in the same step",
    reproduce="ipmitool lan print 1 | grep 'Bad Password'   # on the host, as root",
)
def locks(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A BMC that locks an account after some bad passwords (Bad Password Threshold) locks CloudStack's within seconds
    once the stored password is wrong, since CloudStack asks every 4 s; then nothing can be fenced until it is unlocked.

    It is told so that a change of the password is planned.
    """
    limits = {host.name: host.get("bmc", "lockout") for host in hosts if host.declared.get("oobm_address")}
    locking = {name: limit for name, limit in limits.items() if limit}
    if locking:
        said = sorted(set(locking.values()))
        observed = f"locked after {' or '.join(map(str, said))} bad passwords"
        yield Problem(tuple(locking), "to be known when the password is changed", observed)
