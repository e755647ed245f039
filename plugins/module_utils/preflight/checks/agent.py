# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the CloudStack agent. What must not be there yet on a candidate, and what must be there on a member.

Before addHost there is no certificate, no keystore and no guid, zone, pod and cluster are the package's word "default",
and the unit is stopped. All of that appears during the join.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.join_programs import (
    JOIN_PROGRAMS,
    JoinProgram,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import (
    FILE,
    JOIN_AGAIN,
    addresses,
    former_life,
    guid_of,
    is_here,
    management_servers,
    properties,
    records_of,
    registered_text,
)
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
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    odd_ones,
    show,
)

CLEAN = (
    "remove /etc/cloudstack/agent/cloud.*: run ansible-playbook cloudstack.kvm.prepare_hosts with "
    "cloudstack_agent_remove_leftovers=true (a copy is kept)"
)
FORGET = f"systemctl disable --now cloudstack-agent; empty guid, zone, pod and cluster in {FILE}"
GOOD_JAVA = ("11", "17", "21")  # what pre-check.sh of the agent lets through
RUNS = ("active", "activating", "reloading")


def package(host: Profile, key: str = "version") -> Optional[str]:
    """The version of cloudstack-agent (or with common_version of cloudstack-common), None if it is not installed.
    Raises FactUnavailable.
    """
    found = host.require("agent").get(key)
    reason = host.get("unknown", f"agent.{key}") or host.get("unknown", "packages")
    if found is None and reason:
        raise FactUnavailable(f"agent.{key}", reason)
    return _numbers(found) if found else None


def _numbers(version: str) -> str:
    """1:4.22.1.0~bookworm-1 -> 4.22.1.0"""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return found[1] if found else version


def _release(version: str) -> str:
    return ".".join(_numbers(version).split(".")[:2])


# Packages and programs.


@check(
    "AGT001",
    "The agent's packages are missing or of another release",
    area="agent",
    severity=ERROR,
    scope=HOST,
    prevents=("F04", "F13"),
    fix="set cloudstack_agent_version to the management server's release and run ansible-playbook "
    "cloudstack.kvm.prepare_hosts (role cloudstack_agent)",
    reproduce="dpkg-query -W cloudstack-agent cloudstack-common || rpm -q cloudstack-agent cloudstack-common",
)
def packages(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """cloudstack-agent and cloudstack-common must be installed in the same version, and their release (the first two
    numbers) must be the management server's.

    Without them addHost ends in "Failed to setup keystore on the KVM host" (F04). With another release the agent
    connects, does not understand what it is told, and starts again and again (F13). Which release the server has comes
    from CloudStack.
    """
    agent, common = package(host), package(host, "common_version")
    missing = [
        name for name, version in (("cloudstack-agent", agent), ("cloudstack-common", common)) if version is None
    ]
    if missing:
        yield Problem(
            (host.name,), "cloudstack-agent and cloudstack-common installed", f"not installed: {show(missing)}"
        )
    elif agent != common:
        yield Problem(
            (host.name,), "cloudstack-agent and cloudstack-common of one version", f"agent {agent}, common {common}"
        )
    elif agent and cluster.management_version and _release(agent) != _release(cluster.management_version):
        yield Problem(
            (host.name,),
            f"release {_release(cluster.management_version)}, as the management server",
            f"cloudstack-agent {agent}",
        )


@check(
    "AGT002",
    "No Java that the agent accepts",
    area="agent",
    severity=ERROR,
    scope=HOST,
    prevents=("F13", "F58"),
    fix="install Java 17 (the role cloudstack_agent does) and make it /usr/bin/java; then remove "
    "/etc/cloudstack/agent/cloud.* of a failed join",
    reproduce="ls -lL /usr/bin/java; /usr/bin/java -version",
)
def java(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """/usr/bin/java must be there and be version 17; 11 and 21 also start the agent, with a warning of its own.

    keystore-setup and cloudstack-setup-agent do not notice missing Java. The unit's test (pre-check.sh) then fails
    every ten seconds, and addHost gives up after more than six minutes with its generic text (F58). That test accepts
    Java 8, but the agent cannot run on it. Not judged before the agent's package is there, which brings Java along
    (AGT001).
    """
    if package(host) is None:
        return
    if host.require("java", "path_ok") is False:
        yield Problem((host.name,), "/usr/bin/java, executable", "there is none")
        return
    version = host.require("java", "version")
    major = version.split(".")[1] if version.startswith("1.") else version.split(".")[0]
    if major not in GOOD_JAVA:
        yield Problem((host.name,), "Java 17", f"Java {version}")
    elif major != "17":
        yield Problem(
            (host.name,), "Java 17", f"Java {version}, which starts the agent with a warning", severity=WARNING
        )


@check(
    "AGT003",
    "A program that the join runs is missing or cannot be executed",
    area="agent",
    severity=ERROR,
    scope=HOST,
    prevents=("F04", "F58", "F59"),
    fix="reinstall cloudstack-common and cloudstack-agent (apt-get install --reinstall, or dnf reinstall), and the "
    "Java package for keytool",
    reproduce="ls -l /usr/share/cloudstack-common/scripts/util/keystore-* /usr/bin/cloudstack-setup-agent; command "
    "-v keytool",
)
def programs(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Everything that the join starts must be there: keystore-setup, keystore-cert-import and cloudstack-setup-agent,
    executable; keytool; the programs that these three and the agent's scripts call; and the Python modules that they
    import.

    The three scripts are what the management server runs over SSH (LibvirtServerDiscoverer). A missing one ends the
    join at once with a text that is the same for five causes (F04). A missing keytool is not noticed at all: the server
    makes the private key itself and sends it on a command line that lands in the host's journal (F59). Which programs
    they call was read from the scripts of 4.22.1 (host_facts/model/join_programs.py); seen: without
    /usr/bin/lsb_release on Debian addHost fails after 80 to 119 s. A Python that does not find `cloudutils` (another
    python3 than the distribution's), or is too new for it, ends the set-up before its first line of log.

    Not judged without the packages (AGT001) or without Java (AGT002). On a member only the next renewal of its
    certificate runs the set-up again, so there a missing program is a warning.
    """
    if package(host) is None or package(host, "common_version") is None:
        return
    for path, state in sorted(host.require("agent", "scripts").items()):
        if state != "executable":
            yield Problem((host.name,), f"{path}, executable", str(state))
    if host.get("java", "path_ok") and not host.get("agent", "keytool"):
        yield Problem((host.name,), "keytool in the path", "there is none")
    yield from _missing_programs(host)
    yield from _missing_modules(host, cluster)


def _missing_programs(host: Profile) -> Iterator[Problem]:
    found = host.get("programs")
    for each in JOIN_PROGRAMS if found else ():
        if each.name not in found or not _needed(host, each):
            continue
        place = found[each.name]
        wrong = not place or (each.path and place not in (each.path, each.path.replace("/usr", "", 1)))
        if wrong:
            yield Problem(
                (host.name,),
                f"{each.path or each.name}, which {each.caller} runs",
                f"{'only ' + place if place else 'not installed'}: {each.without}",
                severity=ERROR if each.fails and not host.member else WARNING,
                fix=f"install the package {each.package}",
                reproduce=f"command -v {each.path or each.name}",
            )
    if _is_ubuntu(host) and host.get("files", "/etc/legal", "exists") is False:
        yield Problem(
            (host.name,),
            "/etc/legal, by which cloudstack-setup-agent knows Ubuntu",
            "there is none: it cannot tell the distribution (UnknownSystemException)",
            severity=WARNING if host.member else ERROR,
            fix="reinstall the package base-files",
            reproduce="grep Ubuntu /etc/legal",
        )


def _needed(host: Profile, program: JoinProgram) -> bool:
    """Whether this kind of distribution needs it. On Ubuntu the set-up reads /etc/legal instead of lsb_release."""
    if program.family and host.get("os", "family") != program.family:
        return False
    return not (program.name == "lsb_release" and _is_ubuntu(host))


def _is_ubuntu(host: Profile) -> bool:
    return host.get("os", "id") == "ubuntu"


def _missing_modules(host: Profile, cluster: Cluster) -> Iterator[Problem]:
    """Python modules that cannot be imported. Without python3-libvirt only security groups fail."""
    for name, answer in sorted((host.get("agent", "python") or {}).items()):
        if not answer or answer.get("ok") is not False:
            continue
        fatal = not host.member and (name == "cloudutils" or bool(cluster.security_groups))
        package_name = "cloudstack-common" if name == "cloudutils" else "python3-libvirt"
        yield Problem(
            (host.name,),
            f"/usr/bin/python3 imports {name}",
            str(answer.get("text") or "it does not"),
            severity=ERROR if fatal else WARNING,
            fix=f"reinstall {package_name}, and let /usr/bin/python3 be the distribution's own (alternatives)",
            reproduce=f"/usr/bin/python3 -c 'import {'cloudutils.syscfg' if name == 'cloudutils' else name}'",
        )


# What an earlier life left behind.


@check(
    "AGT004",
    "A keystore of an earlier join is in the way",
    area="agent",
    severity=ERROR,
    scope=HOST,
    prevents=("F57", "F69"),
    fix=CLEAN,
    reproduce="ls -l /etc/cloudstack/agent; keytool -list -keystore /etc/cloudstack/agent/cloud.jks   # it asks for "
    "keystore.passphrase",
)
def stale_keystore(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """cloud.jks must open with the passphrase in agent.properties, or not be there.

    A keystore with another passphrase stays forever: keystore-setup neither replaces nor reports it, the agent says
    "keystore password was incorrect" every five seconds, and every further addHost fails after seven minutes (F57). A
    full disk leaves one of 0 bytes (F69). Not judged where agent.properties itself is lost (AGT005). The passphrase is
    compared on the host and never leaves it.
    """
    if host.require("agent", "present") and host.get("agent", "zeroed"):
        return
    keystore = host.require("agent", "keystore")
    fix = JOIN_AGAIN if host.member else ""
    if not keystore.get("present"):
        return
    if keystore.get("empty"):
        yield Problem(
            (host.name,), "no cloud.jks, or one that opens", "cloud.jks has 0 bytes, as a full disk leaves it", fix=fix
        )
    elif host.require("agent", "keystore", "opens") is False:
        yield Problem(
            (host.name,),
            "no cloud.jks, or one that opens",
            "cloud.jks does not open with the passphrase in agent.properties",
            fix=fix,
        )


@check(
    "AGT005",
    "agent.properties is lost",
    area="agent",
    severity=ERROR,
    scope=HOST,
    prevents=("F68",),
    fix=f"restore {FILE} from a copy; without one: {JOIN_AGAIN}",
    reproduce=f"head -c 64 {FILE} | od -c | head; grep -c ^guid= {FILE}",
)
def lost_properties(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """agent.properties must hold text, and that of a member must hold its guid.

    Java writes the file without fsync; after a hard power-off it was seen full of zero bytes. The agent then says
    "Unable to find the guid" forever, and a new join gets a new passphrase that does not open the old cloud.jks (F68,
    F57).
    """
    if host.require("agent", "present") and host.require("agent", "zeroed"):
        fix = "" if host.member else f"reinstall agent.properties from the package of cloudstack-agent; then {CLEAN}"
        yield Problem(
            (host.name,), "agent.properties with text", "a file of zero bytes, as a power cut leaves it", fix=fix
        )
    elif host.member and not former_life(host).get("guid"):
        yield Problem((host.name,), "agent.properties of a registered host, with its guid", "no guid")


@check(
    "AGT006",
    "The machine is registered elsewhere, or was",
    area="agent",
    severity=ERROR,
    scope=HOST,
    prevents=("F08", "F10"),
    unknown=WARNING,
    fix=f"if it serves elsewhere, leave it there or delete it there first; then on the host: {FORGET}",
    reproduce=f"grep -E '^(guid|zone|pod|cluster|host)=' {FILE}; systemctl is-active cloudstack-agent",
)
def registered_elsewhere(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """agent.properties of a candidate must not hold the identity of a registered host.

    Numeric zone, pod and cluster, and a guid, are written by a join and stay after deleteHost. Compared with all hosts
    that CloudStack has: registered in another zone or cluster, or the guid belongs to another host (a cloned disk), is
    an error, because the join would take the record over, and its guests with it (F08, F09). An agent that runs and
    talks to another management server belongs to another cloud. Known nowhere, it is left from a deleted host or a
    failed join: addHost replaces it, but until then a start of the agent registers the host again, unchecked (F10),
    which is a warning. Where CloudStack was not asked it is unknown.
    """
    life = {} if host.member else former_life(host)
    if not life:
        return
    observed = "agent.properties has " + ", ".join(f"{key}={value}" for key, value in sorted(life.items()))
    mine = records_of(host, cluster)
    elsewhere = [record for record in mine if not is_here(record, cluster)]
    others = [record for record in cluster.registered if record not in mine]
    double = [record for record in others if guid_of(record.address) == life.get("guid")]
    expected = "a machine that is registered nowhere"
    if elsewhere or double:
        found = "; ".join(map(registered_text, elsewhere or double))
        say = "registered as" if elsewhere else "the guid is that of"
        yield Problem((host.name,), expected, f"{say} {found}", evidence=observed)
    elif not cluster.from_cloudstack:
        yield Problem((host.name,), expected, f"unknown: CloudStack was not asked; {observed}", kind=UNKNOWN)
    elif not mine:
        other = _other_cloud(host, cluster)
        left = f"the agent runs and serves {other}" if other else "left from a deleted host or a failed join"
        yield Problem((host.name,), expected, f"{left}; {observed}", severity=ERROR if other else WARNING)


def _other_cloud(host: Profile, cluster: Cluster) -> str:
    """The management servers of a running agent, if they are none of ours."""
    servers = management_servers(properties(host))
    ours = set(cluster.management_addresses)
    runs = host.get("agent", "unit", "active") in RUNS
    return (
        ", ".join(servers) if runs and ours and servers and not ours & set(servers) and servers != ["localhost"] else ""
    )


@check(
    "AGT007",
    "The host's identity does not belong to its address",
    area="agent",
    severity=ERROR,
    scope=HOST,
    prevents=("F09",),
    fix="give the host its old address back; to move it: maintenance, delete it in CloudStack, change the address, "
    "add it again",
    reproduce=f"grep ^guid= {FILE}; ip -4 -br addr",
)
def foreign_guid(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The guid of a member must be the one that CloudStack makes of the host's address, a version 3 UUID of the address
    as text.

    A member that was given another address, or another host's address, connects as another host: its record, its guests
    and its certificate are those of the old address. Forced removals then destroyed guests and local volumes (F09). A
    candidate has no guid yet; one that has is judged by AGT006.
    """
    guid = former_life(host).get("guid") if host.member else None
    own = sorted(addresses(host))
    if not guid or guid in {guid_of(address) for address in own}:
        return
    if not own:
        raise FactUnavailable("interfaces", host.why("interfaces"))
    owner = next(
        (
            f", which is that of {registered_text(record)}"
            for record in cluster.registered
            if guid_of(record.address) == guid
        ),
        "",
    )
    yield Problem((host.name,), f"a guid made of {show(own)}", f"guid {guid}{owner}")


@check(
    "AGT008",
    "cloudstack-agent.service is in the wrong state",
    area="agent",
    severity=WARNING,
    scope=HOST,
    prevents=("F65", "F67"),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts (role cloudstack_agent stops the unit until the join)",
    reproduce="systemctl show cloudstack-agent -p ActiveState,SubState,NRestarts,UnitFileState",
)
def unit_state(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Before the join the unit must be stopped, on a member it must run.

    The package enables and starts it. Without a guid it dies at once and systemd starts it again every ten seconds,
    half a core busy forever (F65). On a member that CloudStack shows as Up a stopped agent is an error: state Up says
    nothing about the agent (F67). Not judged where agent.properties explains it (AGT005, AGT006) or CloudStack knows
    that the host is away (CLD007).
    """
    if host.get("agent", "zeroed") or package(host) is None:
        return
    active = host.require("agent", "unit", "active")
    if host.member:
        if active not in RUNS and any(record.state == "Up" for record in records_of(host, cluster)):
            fix = (
                "start it and look why it stopped: systemctl start cloudstack-agent; tail "
                "/var/log/cloudstack/agent/agent.log"
            )
            yield Problem(
                (host.name,), "unit cloudstack-agent active, as CloudStack says Up", active, severity=ERROR, fix=fix
            )
    elif active in RUNS and not former_life(host):
        restarts = host.get("agent", "unit", "restarts") or 0
        yield Problem(
            (host.name,), "unit cloudstack-agent stopped until the join", f"{active}, restarted {restarts} times"
        )


@check(
    "AGT014",
    "Agents of different versions in one cluster",
    area="agent",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F13",),
    fix="set cloudstack_agent_version for the whole cluster and run ansible-playbook cloudstack.kvm.prepare_hosts host "
    "by host",
    reproduce="dpkg-query -W cloudstack-agent || rpm -q cloudstack-agent",
)
def one_version(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """All agents of a cluster should have one version, the declared one (cloudstack_agent_version) or the members'.

    Within a release agents work together, but behave differently (F33 came with 4.22.1). Another release than the
    server's is AGT001's matter and left out here. Where the server's version is not known and there is no member to
    compare with, it is unknown.
    """
    versions, released = {}, cluster.management_version
    for host in hosts:
        try:
            version = package(host)
        except FactUnavailable:
            continue  # AGT001 says so
        wanted = host.declared.get("agent_version")
        if version is None or (released and _release(version) != _release(released)):
            continue
        versions[host.name] = version
        if wanted and _numbers(wanted) != version:
            yield Problem((host.name,), f"{wanted} (declared)", version)
    members = [host.name for host in hosts if host.member]
    if not any(host.declared.get("agent_version") for host in hosts):
        yield from odd_ones(versions, members=members)
    if versions and not released and not members:
        yield Problem(
            tuple(versions),
            "the release of the management server",
            "unknown: CloudStack was not asked, and there is no member",
            kind=UNKNOWN,
        )


@check(
    "AGT015",
    "Java archives of no package are beside the agent's",
    area="agent",
    severity=WARNING,
    scope=HOST,
    prevents=("F13",),
    unknown=INFO,
    fix="move them out of /usr/share/cloudstack-agent/lib and restart the agent",
    reproduce="dpkg -S /usr/share/cloudstack-agent/lib/*.jar 2>&1 | grep 'no path'",
)
def foreign_jars(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """/usr/share/cloudstack-agent/lib must hold only files of the package.

    All of them are on the agent's class path, and an archive of an older version that an upgrade left there is loaded
    instead of the new one: "InstantiationException", class version errors, a ReadyCommand that is never answered (F13).
    """
    foreign = host.require("agent", "jars", "foreign") if package(host) else ()
    if foreign:
        yield Problem(
            (host.name,), "only the package's files in /usr/share/cloudstack-agent/lib", show(sorted(foreign))
        )
