# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: timing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    UNDECIDED,
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
    fact_unavailable,
    show,
)

CERTIFICATE_GRACE_S = 12 * 3600  # CloudStack's certificates begin 12 hours before they are issued
TOO_EARLY = "certificates of CloudStack are not yet valid for it, and libvirtd --listen does not start (F66)"
DAEMONS = (
    "chrony.service",
    "chronyd.service",
    "systemd-timesyncd.service",
    "ntp.service",
    "ntpd.service",
    "ntpsec.service",
    "openntpd.service",
)
SMEAR_HINT = "; these smear leap seconds, so that the clocks differ by up to a second around one"
A_SOURCE = "a source that the clock follows"
FOLLOWED = ("selected", "combined")  # states of a source of chrony
LOCAL_CLOCK = re.compile(r"127\.127\.1\.\d+|7F7F0101|LOCAL(\(\d+\)|CL)?|\.LOCL\.", re.IGNORECASE)
PTP = re.compile(r"(phc2sys|ptp4l|timemaster)[@.]")
# Reference clocks of chrony (refclock directive): a card's PTP clock, shared memory, a pulse.
REFERENCE_CLOCK = re.compile(r"(PHC|PTP|SHM|SOCK|PPS|GPS)\w*", re.IGNORECASE)
# Public servers that spread a leap second over a day instead of inserting it: developers.google.com/time/smear, the
# Amazon Time Sync Service (EC2 user guide, "Set the time reference") and time.facebook.com (engineering.fb.com, 2020,
# "NTP service"). chronyc -n shows addresses, so both are here.
SMEARED_NAMES = re.compile(
    r"time\d?\.google\.com|time\.android\.com|time\.aws\.com|(\d\.)?amazon\.pool\.ntp\.org|time\d?\.facebook\.com"
)
SMEARED_ADDRESSES = (
    *(f"216.239.35.{last}" for last in (0, 4, 8, 12)),
    *(f"2001:4860:4806{part}::" for part in ("", ":4", ":8", ":c")),
    "169.254.169.123",
    "fd00:ec2::123",
    *(f"129.134.{net}.123" for net in (25, 26, 27, 28, 29)),
)
Clock = tuple[float, float]  # seconds ahead of the controller's clock, and how much that may be wrong


@check(
    "TIM001",
    "Clocks differ",
    area="timing",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F45", "F66"),
    fix="set time_sync_sources and run ansible-playbook cloudstack.kvm.prepare_hosts (role time_sync sets the clock by "
    "chrony); a running host: chronyc makestep",
    reproduce="chronyc tracking; date +%s.%N",
)
def clocks(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No two hosts' clocks differ by more than clock_offset_max_s.

    All clocks were read in one round; half the round trip is the uncertainty of each. The largest group of hosts that
    agree is right if it is more than half of all; if two hosts disagree, both are named. A measurement that is
    too uncertain is unknown.

    CloudStack takes a host for dead whose heartbeat is older than 60 s by its neighbour's clock (F45), and says nothing
    about a clock that is a day ahead. More than 12 hours behind, the certificates of the join are not yet valid and
    libvirtd does not start (F66, seen: 470 s, then the generic text). If all hosts agree and the controller does not,
    that is reported for them as undecided.
    """
    found: dict[str, Clock] = {}
    for host in hosts:
        try:
            found[host.name] = (
                float(host.require_probe("clock", "offset_s")),
                float(host.require_probe("clock", "uncertainty_s")),
            )
        except FactUnavailable as error:
            if error.expected_here:
                yield fact_unavailable(host, error)
    group = _largest_group(found, policy)
    if found and len(group) * 2 <= len(found):
        yield from _no_majority(found, policy)
        return
    for name, clock in sorted(found.items()):
        yield from _against(name, clock, {other: found[other] for other in group if other != name}, policy)
    yield from _all_off({name: found[name] for name in group}, policy)


def _largest_group(clocks: Mapping[str, Clock], policy: Policy) -> list[str]:
    """The most hosts of which no two are further apart than the limit. Too uncertain measurements have no vote."""
    ordered = sorted(
        (offset, name)
        for name, (offset, uncertainty) in clocks.items()
        if uncertainty <= policy.clock_uncertainty_max_s
    )
    best: list[str] = []
    first = 0
    for last, (offset, _name) in enumerate(ordered):
        while offset - ordered[first][0] > policy.clock_offset_max_s:
            first += 1
        if last - first + 1 > len(best):
            best = [name for _offset, name in ordered[first : last + 1]]
    return best


def _no_majority(found: Mapping[str, Clock], policy: Policy) -> Iterator[Problem]:
    vague = {name: clock for name, clock in found.items() if clock[1] > policy.clock_uncertainty_max_s}
    for name, (_offset, uncertainty) in sorted(vague.items()):
        yield _too_vague(name, uncertainty, policy)
    clear = {name: offset for name, (offset, _uncertainty) in found.items() if name not in vague}
    if len(clear) > 1 and max(clear.values()) - min(clear.values()) > policy.clock_offset_max_s:
        latest = max(clear.values())
        behind = {name: latest - offset for name, offset in sorted(clear.items())}
        late = [f"{name} {_span(offset)} behind the latest clock" for name, offset in behind.items() if offset]
        observed = ", ".join(late)
        if max(behind.values()) > CERTIFICATE_GRACE_S:
            observed += f". If that is wrong, {TOO_EARLY}"
        expected = f"less than {policy.clock_offset_max_s:g} s between two hosts"
        yield Problem(tuple(behind), expected, observed, kind=UNDECIDED)


def _against(name: str, clock: Clock, group: Mapping[str, Clock], policy: Policy) -> Iterator[Problem]:
    """The problem of one host against those that agree."""
    offset, uncertainty = clock
    far = max(group.values(), key=lambda other: abs(offset - other[0]) - other[1], default=clock)
    distance = offset - far[0]
    if abs(distance) - uncertainty - far[1] > policy.clock_offset_max_s:
        observed, severity = f"{_span(abs(distance))} {'ahead' if distance > 0 else 'behind'}", ERROR
        if -distance > CERTIFICATE_GRACE_S:
            observed, severity = f"{observed}: {TOO_EARLY}", BLOCKER
        yield Problem(
            (name,),
            expected=f"less than {policy.clock_offset_max_s:g} s to the clocks of {show(sorted(group))}",
            observed=observed,
            evidence=f"{offset:+.3f} s against the controller, uncertain by {uncertainty:.3f} s",
            others=tuple(sorted(group)),
            severity=severity,
        )
    elif uncertainty > policy.clock_uncertainty_max_s:
        yield _too_vague(name, uncertainty, policy)


def _too_vague(name: str, uncertainty: float, policy: Policy) -> Problem:
    return Problem(
        (name,),
        expected=f"a clock read within {policy.clock_uncertainty_max_s:g} s",
        observed=f"unknown: the reading is uncertain by {uncertainty:.3f} s",
        fix="repeat the pre-flight when host and controller are less busy",
        kind=UNKNOWN,
    )


def _all_off(group: Mapping[str, Clock], policy: Policy) -> Iterator[Problem]:
    """All hosts agree, and the controller does not: one of the two is wrong."""
    if group and all(abs(offset) - uncertainty > policy.clock_offset_max_s for offset, uncertainty in group.values()):
        offset = min((offset for offset, _uncertainty in group.values()), key=abs)
        observed = f"{_span(abs(offset))} {'ahead of' if offset > 0 else 'behind'} the controller"
        severity = WARNING
        if -offset > CERTIFICATE_GRACE_S:
            observed, severity = f"{observed}. If the hosts are wrong, {TOO_EARLY}", ERROR
        names = tuple(sorted(group))
        yield Problem(names, "the time of the controller", observed, severity=severity, kind=UNDECIDED)


def _span(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2f} s"


@check(
    "TIM002",
    "The clock is not synchronised",
    area="timing",
    severity=ERROR,
    scope=HOST,
    prevents=("F45", "F66"),
    unknown=WARNING,
    fix="set time_sync_sources to servers that this host reaches (UDP 123) and run ansible-playbook "
    "cloudstack.kvm.prepare_hosts (role time_sync)",
    reproduce="chronyc tracking; chronyc sources",
)
def synchronised(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The time daemon follows a source outside the host.

    A clock that runs free is right today. After weeks, or after a reboot with a wrong hardware clock, heartbeats look
    old (F45) or certificates invalid (F66). chrony's `local` directive and ntpd's local clock (127.127.1.0) make a
    daemon call itself synchronised with its own clock (chrony.conf(5); in the catalogue of NTP, refid 127.127.1.x), and
    chrony keeps "Leap status: Normal" for a while after its last source fell silent. Of daemons other than chrony the
    kernel's own state is taken (timedatectl, NTPSynchronized). Without any daemon this is the subject of TIM004.
    """
    if host.get("time", "service") == "none" and not ptp_units(host):
        return
    sources = host.get("time", "sources") or ()
    names = show([source.get("name") for source in sources])
    synchronised = host.get("time", "synchronised")
    if synchronised is None:
        synchronised = host.get("time", "kernel_synchronised")
    if synchronised is None:
        host.require("time", "synchronised")
    if not synchronised:
        yield Problem((host.name,), A_SOURCE, f"none; sources: {names}")
    elif _is_local(host):
        yield Problem((host.name,), A_SOURCE, f"the clock follows itself (local reference clock); sources: {names}")
    elif sources and not any(source.get("reach") for source in sources):
        yield Problem((host.name,), A_SOURCE, f"no source answered any of the last eight polls: {names}")
    elif sources and not any(source.get("state") in FOLLOWED for source in sources):
        states = show([f"{source.get('name')} is {source.get('state')}" for source in sources])
        yield Problem((host.name,), A_SOURCE, f"none of the sources is selected: {states}")


def _is_local(host: Profile) -> bool:
    """Whether the daemon's reference is the host's own clock: chrony's 7F7F0101, ntpd's LOCAL(0)."""
    names = {str(host.get("time", "source") or ""), str(host.get("time", "reference_id") or "")}
    followed = {str(each.get("name")) for each in host.get("time", "sources") or () if each.get("state") in FOLLOWED}
    return any(LOCAL_CLOCK.fullmatch(name) for name in names | followed)


def ptp_units(host: Profile) -> list[str]:
    """Running units of linuxptp that set the system clock: phc2sys from a card's clock, timemaster, or ptp4l itself."""
    units = host.get("units") or {}
    running = {name for name, state in units.items() if PTP.match(name) and (state or {}).get("active") == "active"}
    return sorted(running | set(host.get("time", "ptp") or ()))


@check(
    "TIM003",
    "Hosts use different time sources",
    area="timing",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F45",),
    fix="set the same time_sync_sources for all hosts of the cluster and run ansible-playbook "
    "cloudstack.kvm.prepare_hosts (role time_sync)",
    reproduce="chronyc -n sources",
)
def common_source(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The hosts have a time source in common.

    What counts is that the hosts agree with each other. Those with sources of their own follow another clock when one
    of the sources is wrong, and the neighbours take their heartbeats for old (F45). Clocks that lie in the hosts
    themselves (a card's PTP clock, GPS) are sources of one name. Hosts without any source, or with their own clock as
    the only one, are the subject of TIM002 and TIM004.
    """
    sources: dict[str, set[str]] = {}
    for host in hosts:
        # No daemon: TIM004. Not known whether it is synchronised: TIM002.
        if host.get("time", "service") == "none" or host.get("time", "synchronised") is None:
            continue
        try:
            listed = host.require("time", "sources")
        except FactUnavailable as error:
            yield fact_unavailable(host, error)
            continue
        if listed and not _is_local(host):
            sources[host.name] = {str(source.get("name")) for source in listed}
    if len(sources) > 1:
        yield from _without_common(sources)


def _without_common(sources: Mapping[str, set[str]]) -> Iterator[Problem]:
    """The hosts that share no source with those that use the most common one."""
    usual, users = Counter(name for names in sources.values() for name in sorted(names)).most_common(1)[0]
    if users * 2 <= len(sources):
        observed = "; ".join(f"{name}: {show(names)}" for name, names in sorted(sources.items()))
        yield Problem(tuple(sorted(sources)), "a source that more than half of the hosts use", observed, kind=UNDECIDED)
        return
    followers = {name for name, names in sources.items() if usual in names}
    accepted = {source for name in followers for source in sources[name]}
    for name, names in sorted(sources.items()):
        if not names & accepted:
            expected = f"one of {show(accepted)} (as on {show(followers)})"
            smear = SMEAR_HINT if smeared(names) and not smeared(accepted) else ""
            yield Problem((name,), expected, f"{show(names)}{smear}", others=tuple(sorted(followers)))


@check(
    "TIM004",
    "Two time daemons run",
    area="timing",
    severity=ERROR,
    scope=HOST,
    prevents=("F45", "F66"),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts with time_sync_sources set: role time_sync installs chrony "
    "and stops other daemons",
    reproduce="systemctl is-active chrony chronyd systemd-timesyncd ntp ntpsec",
)
def one_daemon(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Exactly one daemon keeps the clock.

    Without one it drifts (F45), and a wrong hardware clock stays wrong after a reboot (F66). Two pull one clock to two
    times. With PTP it is phc2sys, ptp4l or timemaster of linuxptp; phc2sys beside chrony is one too many, unless chrony
    reads the PTP clock itself (refclock) or timemaster started both (timemaster(8)).
    """
    service, ptp = host.require("time", "service"), ptp_units(host)
    running = sorted(unit for unit in DAEMONS if (host.get("units", unit) or {}).get("active") == "active")
    if service == "none" and not ptp:
        yield Problem((host.name,), "a time daemon", "none runs")
    elif len(running) > 1 and running != [
        "chrony.service",
        "chronyd.service",
    ]:  # an alias is one daemon under two names
        yield Problem((host.name,), "one time daemon", show(running), severity=WARNING)
    elif running and _sets_clock_beside(host, ptp):
        yield Problem((host.name,), "one time daemon", show([*running, *ptp]), severity=WARNING)


def _sets_clock_beside(host: Profile, ptp: Sequence[str]) -> bool:
    """Whether phc2sys sets the system clock that another daemon sets too."""
    names = [str(source.get("name")) for source in host.get("time", "sources") or ()]
    if any(unit.startswith("timemaster") for unit in ptp) or any(map(REFERENCE_CLOCK.fullmatch, names)):
        return False
    return any(unit.startswith("phc2sys") for unit in ptp)


@check(
    "TIM005",
    "Smeared and other time sources are mixed",
    area="timing",
    severity=WARNING,
    scope=HOST,
    prevents=("F45",),
    fix="use only servers that smear leap seconds, or none of them, in time_sync_sources of all hosts of the cluster, "
    "and run ansible-playbook cloudstack.kvm.prepare_hosts (role time_sync)",
    reproduce="chronyc -n sources",
)
def smear(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A host's time sources all smear leap seconds, or none does.

    Google's, Amazon's and Facebook's public servers spread a leap second over many hours (developers.google.com/time/
    smear: do not mix them with others). Around it they are up to half a second off the rest; chrony takes one half of
    its sources for false tickers, and hosts pick different halves. A server of your own that follows smearing ones
    smears too: then waive this.
    """
    names = {str(source.get("name")) for source in host.get("time", "sources") or ()}
    found = smeared(names)
    if found and found != names and not _is_local(host):
        observed = f"{show(found)} smear leap seconds, {show(names - found)} are not known to"
        yield Problem((host.name,), "sources of one kind", observed)


def smeared(names: set[str]) -> set[str]:
    """Those of these time sources that are known to smear."""
    return {name for name in names if name in SMEARED_ADDRESSES or SMEARED_NAMES.fullmatch(name.lower().rstrip("."))}
