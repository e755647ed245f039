# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: agent.properties as data. The agent says nothing of a value that it cannot use, nor of a key that it does not
know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.agent_keys import STOPS_THE_AGENT, TRUE
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.agent_values import (
    NUMBER,
    contradictions,
    known,
    meant,
    wrong_value,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import FILE, properties
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import HOST, check, show

RESERVE = "host.reserved.mem.mb"
OTHERS_JUDGE = ("local.storage.uuid", "local.storage.path", "host")  # STO007, AGT013
# Traffic type -> the key that cloudstack-setup-agent fills with its label.
DEVICES = {
    "Management": "private.network.device",
    "Public": "public.network.device",
    "Guest": "guest.network.device",
}


@check(
    "AGT018",
    "agent.properties has a value that the agent cannot use",
    area="agent_settings",
    severity=WARNING,
    scope=HOST,
    prevents=("F05", "F39"),
    unknown=INFO,
    fix="correct the value in cloudstack_agent_properties (or in the file) and restart the agent",
    reproduce=f"cat -A {FILE}   # a blank at the end of a value stands before the $",
)
def values(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every value of agent.properties must be of its key's type, in its range, and one of its choices, and a text must
    not end in a blank.

    The agent reads them with AgentPropertiesFileHandler (4.22.1): `8GB` or `60s` is no number, and the default takes
    its place without a word; a truth value that it does not know is false; a blank at the end belongs to a text, so
    `guest.cpu.mode=host-model ` is no mode. Around numbers blanks do not matter.

    Three kinds are errors. With an unknown network.bridge.type, vm.watchdog.model or vm.watchdog.action the agent does
    not start (LibvirtComputingResource.configure: valueOf). With a host.reserved.mem.mb that is no number the join of a
    candidate fails: cloudstack-setup-agent gives up at "Configure Host" and still exits 0 (hostConfig of
    serviceConfig.py, F05). Choices, types and ranges: AgentProperties.java and the comments of the package's own file.
    """
    found = properties(host)
    wrong = {key: wrong_value(key, str(text)) for key, text in sorted(found.items()) if _counts(key, str(text), found)}
    wrong = {key: expected for key, expected in wrong.items() if expected}
    if wrong:
        severity = ERROR if any(_fatal(host, key, str(found[key])) for key in wrong) else WARNING
        expected = "; ".join(f"{key}: {text}" for key, text in wrong.items())
        observed = show([f"{key}={_visible(str(found[key]))}" for key in wrong])
        yield Problem((host.name,), expected, observed, severity=severity)


def _counts(key: str, text: str, found: Mapping[str, str]) -> bool:
    """Whether the agent reads this value at all. An empty one is its default."""
    if key == "vm.rng.model" and str(found.get("vm.rng.enable", "")).lower() not in TRUE:
        return False
    return bool(text.strip()) and key not in OTHERS_JUDGE


def _fatal(host: Profile, key: str, text: str) -> bool:
    if key == RESERVE:
        return not host.member and not NUMBER.fullmatch(text.strip())
    return key in (*STOPS_THE_AGENT, "vm.rng.model")


def _visible(text: str) -> str:
    """A value with its blanks to be seen."""
    return f"'{text}'" if text != text.strip() else text


@check(
    "AGT020",
    "agent.properties has keys that the agent does not read",
    area="agent_settings",
    severity=WARNING,
    scope=HOST,
    prevents=("F05",),
    unknown=INFO,
    fix="write the key as the agent knows it, in cloudstack_agent_properties; leave one line of a key that stands "
    "twice, and remove what has no effect",
    reproduce=f"grep -v '^#' {FILE} | cut -d= -f1 | sort | uniq -c",
)
def keys(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No key of agent.properties may be misspelt, of an instruction that never was true, or stand there twice.

    The agent passes over what it does not know. Names such as heartbeat.update.interval or ping.interval are in many
    instructions and in no agent (AgentProperties.java of 4.22.1). Of a key that stands twice the last line counts for
    the agent, and cloudstack-setup-agent reads the first (configFileOps.py, getEntry). A key that resembles none is
    the operator's own, which only a hint can say; those of 4.23 are known.
    """
    found = properties(host)
    strange = {key: meant(key) for key in sorted(found) if not known(key)}
    told = [f"{key} (meant: {other})" for key, other in strange.items() if other]
    repeated = host.get("agent", "repeated") or ()
    told += [f"{key} stands there {count} times" for key, count in sorted(dict(repeated).items())]
    own = [key for key, other in strange.items() if not other]
    if told:
        yield Problem((host.name,), "each key once, and as the agent knows it", "; ".join(told))
    if own:
        yield Problem((host.name,), "keys that the agent reads", f"unknown to it: {show(own)}", severity=INFO)


@check(
    "AGT022",
    "Settings of agent.properties contradict each other or CloudStack",
    area="agent_settings",
    severity=WARNING,
    scope=HOST,
    prevents=("F35", "F14"),
    unknown=INFO,
    fix="set both keys, or neither, in cloudstack_agent_properties of all hosts; restart the agent",
    reproduce=f"grep -E 'guest.cpu|network.device|dpdk|bridge.type|hypervisor' {FILE}; virsh domcapabilities",
)
def together(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """guest.cpu.model and guest.cpu.mode=custom need each other, guest.cpu.features needs a CPU, and a named model must
    be one that libvirt can give guests on this host. What a member's agent remembers must fit CloudStack.

    Without its mode the model is not used, and without a model the mode is not: guests get QEMU's default CPU
    (LibvirtVMDef.CpuModeDef). Features alone make libvirt refuse the guest ("Non-empty feature list specified without
    CPU model"). A model that `virsh domcapabilities` calls unusable on this host is an error: no guest starts here, and
    none can come (F35). The three bridges that a member's agent remembers are the labels of the zone at its join; that
    they have changed since is only told, because CloudStack asks for the labels themselves (NET001).
    """
    found = {key: str(text) for key, text in properties(host).items()}
    labels = "; ".join(_other_labels(host, cluster, found))
    if labels:
        fix = "correct them in agent.properties and restart the agent in a quiet hour"
        yield Problem((host.name,), "the labels of the zone", labels, severity=INFO, fix=fix)
    said = [*contradictions(found), *_against_cloudstack(host, cluster, found)]
    unusable = _unusable_model(host, found)
    if said or unusable:
        severity = ERROR if unusable else WARNING
        wanted = "settings that go together, and with what CloudStack and libvirt have"
        yield Problem((host.name,), wanted, "; ".join([*said, *filter(None, [unusable])]), severity=severity)


def _unusable_model(host: Profile, found: Mapping[str, str]) -> Optional[str]:
    """Why the named model does not work here, None if it does. Raises FactUnavailable; where libvirtd does not run it
    is LIB001's matter.
    """
    model = found.get("guest.cpu.model", "").strip()
    if found.get("guest.cpu.mode", "").strip().lower() != "custom" or not model:
        return None
    if host.get("libvirt", "running") is False:
        return None
    models = host.require("libvirt", "cpu_models")
    if model not in models:
        return f"libvirt of this host has no CPU model {model}"
    return f"libvirt cannot give guests the CPU model {model} on this host" if models[model] == "no" else None


def _other_labels(host: Profile, cluster: Cluster, found: Mapping[str, str]) -> Iterator[str]:
    """Devices of a member's agent that are none of the zone's labels."""
    for kind, key in DEVICES.items() if host.member else ():
        labels: Sequence[str] = cluster.labels.get(kind, ())
        device = found.get(key, "").strip()
        if labels and device and device not in labels:
            yield f"{key}={device}, and the zone's label for {kind} traffic is {show(list(labels))}"


def _against_cloudstack(host: Profile, cluster: Cluster, found: Mapping[str, str]) -> Iterator[str]:
    arch = found.get("guest.cpu.arch", "").strip()
    if arch and cluster.arch and arch != cluster.arch:
        yield f"guest.cpu.arch={arch} in a cluster of {cluster.arch}"
    if found.get("hypervisor.type", "kvm").strip().lower() == "lxc":
        yield "hypervisor.type=lxc in a KVM cluster"
