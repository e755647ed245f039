# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How two hosts' CPUs stand to each other: libvirt's own answer where it was asked, else features, else flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import FactUnavailable, Profile

VERDICTS = ("identical", "superset", "incompatible")  # best first, the words of virsh hypervisor-cpu-compare
NAMES_SHOWN = 12
# What /proc/cpuinfo lists but no guest sees: flags that Linux makes up, or that tell how it runs
# (arch/x86/include/asm/cpufeatures.h).
_LINUX_FLAGS = (
    "acc_power aperfmperf arch_perfmon art bmec bts cat_l2 cat_l3 cdp_l2 cdp_l3 constant_tsc cpb cpuid cpuid_fault "
    "cqm cqm_llc cqm_mbm_local cqm_mbm_total cqm_occup_llc dtherm dts epb ept ept_ad extd_apicid flexpriority "
    "flush_l1d hw_pstate hwp hwp_act_window hwp_epp hwp_notify hwp_pkg_req hypervisor ibs ida intel_ppin intel_pt "
    "kaiser mba nonstop_tsc nonstop_tsc_s3 nopl overflow_recov pebs pln proc_feedback pti pts rapl rep_good retpoline "
    "ring3mwait rrsba_ctrl smba smca split_lock_detect succor swap_gs tpr_shadow tsc_known_freq tsc_reliable "
    "user_shstk vmcall vmmcall vnmi vpid xtopology"
)
NOT_FOR_GUESTS = frozenset(_LINUX_FLAGS.split())


@dataclass(frozen=True)
class Relation:
    """How a candidate's CPU stands to a member's: what it lacks and has besides, whether its guests may go there, and
    who says so.
    """

    verdict: str
    lacks: tuple[str, ...]
    besides: tuple[str, ...]
    goes_back: bool
    source: str

    def __str__(self) -> str:
        lacks = f"; lacks {_listed(self.lacks)}" if self.lacks else ""
        return self.verdict + lacks + (f"; has in addition {_listed(self.besides)}" if self.besides else "")

    @property
    def movement(self) -> str:
        """What it means for guests that see the host's CPU."""
        if self.verdict == "incompatible":
            return "guests cannot come" + (
                ", those that start here may go" if self.goes_back else ", and those that start here may not leave"
            )
        return "guests can come" + ("" if self.goes_back else ", those that start here may not go back")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def asked(host: Profile, guest_of: Profile) -> str:
    """What libvirt on `host` says to a guest with the CPU of the other host, "" if it was not asked."""
    told = str((host.probes.get("cpu_compare") or {}).get(guest_of.name) or "")
    return told if told.startswith(VERDICTS) else ""


def relate(candidate: Profile, host: Profile) -> Relation:
    """Raises FactUnavailable where neither libvirt was asked nor the features of both are known."""
    told, back = asked(candidate, host), asked(host, candidate)
    try:
        lacks, besides, source = _difference(candidate, host)
    except FactUnavailable:
        if not told:
            raise
        lacks, besides, source = (), (), ""
    if not told:
        verdict = "superset" if besides else "identical"
        if lacks:
            verdict = "incompatible"
        return Relation(verdict, lacks, besides, not besides, source)
    verdict, _colon, named = told.partition(":")
    returns = back.startswith(("identical", "superset")) if back else verdict == "identical"
    if verdict == "superset" and returns:
        verdict = "identical"
    missing = tuple(sorted(named.replace(",", " ").split())) or (lacks if verdict == "incompatible" else ())
    return Relation(
        verdict, missing, () if verdict == "identical" else besides, returns, "virsh hypervisor-cpu-compare"
    )


def _difference(candidate: Profile, host: Profile) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Features that the candidate lacks and that it has besides, and where they are from."""
    (model, mine), (other_model, theirs) = host_model(candidate), host_model(host)
    if model and model == other_model:
        return *_same_model(dict(mine), dict(theirs)), "features of libvirt's host-model CPU"
    my_flags, their_flags = (frozenset(each.require("cpu", "flags")) - NOT_FOR_GUESTS for each in (candidate, host))
    return tuple(sorted(their_flags - my_flags)), tuple(sorted(my_flags - their_flags)), "flags of /proc/cpuinfo"


def _same_model(mine: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A feature is required or disabled beside a model. One that is not named is as in the model, which the other side
    tells.
    """
    opposite = {"require": "disable", "disable": "require"}
    names = sorted(set(mine) | set(theirs))
    have = {name for name in names if mine.get(name, opposite.get(theirs.get(name, ""))) == "require"}
    want = {name for name in names if theirs.get(name, opposite.get(mine.get(name, ""))) == "require"}
    return tuple(sorted(want - have)), tuple(sorted(have - want))


def host_model(host: Profile) -> tuple[Any, tuple]:
    """Model and features of the host-model CPU that libvirt offers; None and nothing if it was not asked."""
    cpu = host.get("libvirt", "host_cpu") or {}
    return cpu.get("model"), tuple(sorted((cpu.get("features") or {}).items()))
