#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host
short_description: KVM host of a CloudStack cluster
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Adds a prepared machine to its cluster and waits until it is Up, takes it out of service and back, or removes it.
  - The host is found by its management address over all zones, because CloudStack itself compares within one zone only.
  - An error from addHost does not mean that the join failed. The module asks again what became of the host before it
    fails.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
options:
  ip_address:
    description: Management address of the host.
    type: str
    required: true
  ssh_port:
    description: Port of the host's sshd.
    type: int
    default: 22
  url:
    description: Address for addHost, if it is not O(ip_address) with O(ssh_port). For hosts of the hypervisor
      Simulator.
    type: str
  zone:
    description: Name of the zone. Needed to add the host.
    type: str
  pod:
    description: Name of the pod. Needed to add the host.
    type: str
  cluster:
    description: Name of the cluster. Needed to add the host. It must exist.
    type: str
  hypervisor:
    description: Hypervisor of the cluster.
    type: str
    choices: [KVM, Simulator]
    default: KVM
  username:
    description: Account that CloudStack logs in with.
    type: str
    default: root
  password:
    description: Password of this account. If empty, CloudStack uses its own key. CloudStack keeps a password in its
      database.
    type: str
    default: ""
  host_tags:
    description: Host tags; an empty list clears them. If omitted, they stay as they are.
    type: list
    elements: str
  stale_host:
    description:
      - What to do with a record of this host that does not come Up, such as one that a failed join left in state Alert.
      - V(keep) fails and explains, V(remove) deletes the record and adds the host again.
    type: str
    choices: [keep, remove]
    default: keep
  preflight:
    description:
      - The verdict of the pre-flight on the host, see the playbook C(cloudstack.kvm.preflight). A host that is to be
        added is judged again by the same checks, with its current facts, the other hosts' kept facts, and the kept
        probes. It is refused, and nothing is sent to CloudStack, if a check says that it may no longer join, or if the
        verdict is missing, failed, too old, for another address, cluster or policy, or from a run that did not end.
      - Not needed for a host that CloudStack has already, in check mode, or for the hypervisor Simulator.
    type: dict
    suboptions:
      report_dir:
        description: Folder of C(preflight.json) and C(preflight.facts.json) of the cluster.
        type: path
        required: true
      host:
        description: Name of the host in the report, its inventory name.
        type: str
        required: true
      facts:
        description: What M(cloudstack.kvm.kvm_host_facts) returned now as C(kvm_host), as JSON text. It is not logged.
        type: str
        required: true
      policy:
        description: The limits that differ from the defaults, as M(cloudstack.kvm.preflight) gets them. How long a
          verdict is valid is one of them.
        type: dict
        default: {}
      waivers:
        description: Findings to waive, as M(cloudstack.kvm.preflight) gets them.
        type: list
        elements: dict
        default: []
  preflight_required:
    description: Whether a host is refused without a verdict. Set it to false only if the host was verified in another
      way.
    type: bool
    default: true
  up_timeout:
    description: How long to wait, in seconds, for a record that exists and is not Up yet, and for an agent that
      connects late.
    type: int
    default: 60
  maintenance_timeout:
    description: How long guests may take to leave a host that goes into maintenance, in seconds.
    type: int
    default: 3600
  forced:
    description:
      - Remove the host without maintenance, even if it is lost. Its guests are stopped.
      - An agent that still runs registers the host again when it is restarted; stop and disable it first.
    type: bool
    default: false
  state:
    description:
      - V(present) adds the host if CloudStack has none with this address, and waits until it is Up. Its resource state
        stays as it is.
      - V(enabled), V(disabled) and V(maintenance) bring a registered host into this resource state; they never add one.
        V(maintenance) migrates all guests away and waits until they are gone.
      - V(absent) removes it, through maintenance unless O(forced=true).
    type: str
    choices: [present, absent, enabled, disabled, maintenance]
    default: present
attributes:
  check_mode:
    description: Predicts whether the host would be added; whether the join succeeds shows only in a real run.
    support: full
  diff_mode:
    description: Shows the record that would be made, changed or removed, never a password.
    support: full
"""

EXAMPLES = r"""
- name: The host is part of its cluster and Up
  cloudstack.kvm.host:
    ip_address: 192.0.2.11
    zone: zone1
    pod: pod1
    cluster: cluster1
    preflight:
      report_dir: reports
      host: "{{ inventory_hostname }}"
      facts: "{{ ansible_facts.kvm_host | to_json }}"
  delegate_to: localhost

- name: The host takes no new guests
  cloudstack.kvm.host:
    ip_address: 192.0.2.11
    state: disabled
  delegate_to: localhost

- name: The host is empty, ready for work on it
  cloudstack.kvm.host:
    ip_address: 192.0.2.11
    state: maintenance
  delegate_to: localhost

- name: The host is in service again
  cloudstack.kvm.host:
    ip_address: 192.0.2.11
    state: enabled
  delegate_to: localhost

- name: The host is gone, its guests have moved away before
  cloudstack.kvm.host:
    ip_address: 192.0.2.11
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
host:
  description:
    - The host as CloudStack has it after the run; null if it has none with this address.
    - In check mode, for a host that would be added, as it was declared, with an id and state null.
  returned: success
  type: dict
  contains:
    id:
      description: Its UUID.
      type: str
    name:
      description: Its name, as its agent reports it.
      type: str
    ip_address:
      description: Its management address.
      type: str
    zone:
      description: Name of its zone.
      type: str
    pod:
      description: Name of its pod.
      type: str
    cluster:
      description: Name of its cluster.
      type: str
    state:
      description: State, such as V(Up).
      type: str
    resource_state:
      description: Resource state, such as V(Enabled).
      type: str
    power_state:
      description: Power state that out-of-band management reports.
      type: str
    secured:
      description: Whether its libvirt uses TLS, so that live migration is encrypted; null where CloudStack does not
        say.
      type: bool
    version:
      description: Version of its agent.
      type: str
    host_tags:
      description: The tags that it was given.
      type: list
      elements: str
planned:
  description: Whether the host was, or in check mode would be, added, changed or removed.
  returned: success
  type: bool
join:
  description: What is known about a join that failed; the filter P(cloudstack.kvm.join_diagnosis#filter) names its
    cause.
  returned: when addHost failed
  type: dict
  contains:
    error:
      description: The part of CloudStack's text that says something.
      type: str
    code:
      description: CloudStack's error code; 0 if there was no answer.
      type: int
    seconds:
      description: How long addHost took.
      type: int
    record:
      description: What CloudStack keeps of the host, or null.
      type: dict
    alerts:
      description: Alerts that may concern the host, newest first.
      type: list
      elements: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.host_states import (
    carry_out,
    wait_maintenance,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import (
    add_host,
    is_up,
    read_record,
    wait_up,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import find_parents
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import CLUSTER, POD, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host import (
    DesiredHost,
    host_result,
    plan_host,
    plan_stale,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_state import plan_absent, plan_state
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

PREFLIGHT = {
    "report_dir": {"type": "path", "required": True},
    "host": {"type": "str", "required": True},
    # One text: values of a dictionary that is not to be logged would be taken out of every message, "up" and "1500"
    # included.
    "facts": {"type": "str", "required": True, "no_log": True},
    "policy": {"type": "dict", "default": {}},
    "waivers": {"type": "list", "elements": "dict", "default": []},
}
ARGUMENT_SPEC = {
    **API_OPTIONS,
    "ip_address": {"type": "str", "required": True},
    "ssh_port": {"type": "int", "default": 22},
    "url": {"type": "str"},
    "zone": {"type": "str"},
    "pod": {"type": "str"},
    "cluster": {"type": "str"},
    "hypervisor": {"type": "str", "choices": ["KVM", "Simulator"], "default": "KVM"},
    "username": {"type": "str", "default": "root"},
    "password": {"type": "str", "default": "", "no_log": True},
    "host_tags": {"type": "list", "elements": "str"},
    "stale_host": {"type": "str", "choices": ["keep", "remove"], "default": "keep"},
    "preflight": {"type": "dict", "options": PREFLIGHT},
    "preflight_required": {"type": "bool", "default": True},
    "up_timeout": {"type": "int", "default": 60},
    "maintenance_timeout": {"type": "int", "default": 3600},
    "forced": {"type": "bool", "default": False},
    "state": {
        "type": "str",
        "choices": ["present", "absent", "enabled", "disabled", "maintenance"],
        "default": "present",
    },
}


def declared(options, parents):
    """The host as the options want it, with the ids of its parents, if they exist."""
    port = "" if options["ssh_port"] == 22 else f":{options['ssh_port']}"
    return DesiredHost(
        **{key: options[key] for key in ("ip_address", "zone", "pod", "cluster", "username", "password", "hypervisor")},
        zone_id=parents.get("zoneid"),
        pod_id=parents.get("podid"),
        cluster_id=parents.get("clusterid"),
        url=options["url"] or f"http://{options['ip_address']}{port}",
        host_tags=None if options["host_tags"] is None else tuple(options["host_tags"]),
        remove_stale=options["stale_host"] == "remove",
    )


def ask_gate(preflight, wanted):
    """Raise InputError if the pre-flight does not let the host join."""
    # Not at the top: it brings all checks with it, half a second of Python's start, and most runs add no host.
    from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.report import require_preflight

    require_preflight(
        preflight,
        address=wanted.ip_address,
        url=wanted.url,
        username=wanted.username,
        zone_pod_cluster=(wanted.zone, wanted.pod, wanted.cluster),
    )


def join(client, module, wanted, record):
    """Bring the host Up; returns the plan."""
    up_timeout = module.params["up_timeout"]
    plan = plan_host(wanted, record)
    if record and not is_up(record) and not module.check_mode:
        record = wait_up(client, wanted.ip_address, up_timeout)
        plan = plan_stale(wanted, record) if record and not is_up(record) else plan_host(wanted, record)
    if module.check_mode:
        return plan
    adds = any(change.data["command"] == "addHost" for change in plan)
    if adds and module.params["preflight_required"] and wanted.hypervisor == "KVM":
        ask_gate(module.params["preflight"], wanted)
    for change in plan:
        if change.data["command"] != "addHost":
            carry_out(client, Plan.of([change]), wanted.ip_address, up_timeout, lambda now: plan_host(wanted, now))
            continue
        text = add_host(client, change.data["params"], wanted.ip_address, up_timeout)[1]
        if text:
            module.warn(f"{wanted.ip_address}: addHost answered an error although the host is Up: {text}")
    return plan


def missing(options):
    return InputError(
        "CloudStack has no host of this address",
        host=options["ip_address"],
        expected=f"a registered host, to bring it into the state {options['state']}",
        observed="none in any zone",
        next_step="correct the address, or add the host first (state present)",
    )


def serve(client, module, record):
    """Bring a registered host into a resource state, or away; returns the plan."""
    options = module.params
    address, state = options["ip_address"], options["state"]
    if record is None and state != "absent":
        if not module.check_mode:
            raise missing(options)
        record = {"id": None, "state": "Up", "resourcestate": "Enabled"}  # as the same run would have added it

    def plan_for(now):
        if state == "absent":
            return plan_absent(address, now, options["forced"])
        return plan_state(state, address, now or record)

    plan = plan_for(record)
    if module.check_mode:
        return plan
    leaves = state == "maintenance" or (state == "absent" and not options["forced"])
    if leaves and record and record.get("resourcestate") == "PrepareForMaintenance":  # asked for before: wait for it
        wait_maintenance(client, address, options["maintenance_timeout"])
    carry_out(client, plan, address, options["maintenance_timeout"], plan_for)
    return plan


def body(module):
    options, client = module.params, connect(module.params)
    record, wanted = read_record(client, options["ip_address"], full=True), declared(options, {})
    if options["state"] == "present":
        wanted = declared(options, find_parents(client, options, module.check_mode, ZONE, POD, CLUSTER) or {})
        plan = join(client, module, wanted, record)
    else:
        plan = serve(client, module, record)
    if not module.check_mode and (plan or not is_up(record)):
        record = read_record(client, options["ip_address"], full=True)
    elif module.check_mode and plan and options["state"] != "absent":
        record = record or {}
    return plan, {"host": host_result(record, wanted), "planned": bool(plan)}


def main():
    runtime.run(ARGUMENT_SPEC, body, required_if=[("state", "present", ["zone", "pod", "cluster"])])


if __name__ == "__main__":
    main()
