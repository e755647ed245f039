#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_settings
short_description: The settings that decide a failover, as one declaration
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Sets the settings that decide whether and how fast the guests of a dead host run elsewhere, for a cluster, its zone
    and globally, each where CloudStack reads it.
  - Refuses settings that contradict each other before anything is changed, and computes the time to failover before
    and after. What is compared and how it is computed is in C(docs/failover-time.md).
  - Keys of C(agent.properties) are taken into account and not set; the role P(cloudstack.kvm.cloudstack_agent#role)
    sets them from C(cloudstack_agent_properties).
  - Settings with a global scope count for all clusters of this CloudStack, whichever cluster is named.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.in_zone
options:
  pod:
    description: Name of the pod. If omitted, all pods of the zone are searched for the cluster.
    type: str
    default: ""
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  profile:
    description:
      - Where the values come from that O(settings) does not have.
      - V(default) has those of CloudStack itself. It gives guests up before a host is fenced that its reset did not
        bring back.
      - V(fast) has a dead host fenced after about five minutes, and gives a host that was reset 90 seconds to come
        back.
      - V(careful) has the patience of V(default), and attempts to restart a guest until the host is fenced.
      - All profiles have the same settings. Those that neither the profile nor O(settings) has are left as they are.
    type: str
    choices: [default, fast, careful]
    default: default
  settings:
    description: Values that differ from the profile, by the name of the setting.
    type: dict
    default: {}
  agent_properties:
    description: Keys of C(agent.properties) that the hosts are declared to have, such as
      C(kvm.heartbeat.update.frequency). Those that decide no failover are left aside.
    type: dict
    default: {}
  guests:
    description: Guests of a host for which the time is computed; more than C(ha.workers) are restarted in rounds.
    type: int
    default: 1
attributes:
  check_mode:
    description: Predicts exactly what the real run does.
    support: full
  diff_mode:
    description: Shows each setting before and after.
    support: full
"""

EXAMPLES = r"""
- name: How long would a failover take with the profile fast? Changes nothing
  cloudstack.kvm.ha_settings:
    zone: zone1
    cluster: cluster1
    profile: fast
  check_mode: true
  delegate_to: localhost
  register: planned

- name: Fail over faster, but give a host four minutes to boot after its reset
  cloudstack.kvm.ha_settings:
    zone: zone1
    cluster: cluster1
    profile: fast
    settings:
      kvm.ha.recover.wait.period: 240
  delegate_to: localhost
"""

RETURN = r"""
settings:
  description: The settings after the run by name. In check mode, those that would be.
  returned: success
  type: dict
declared:
  description: The settings that were asked for by name, those of O(profile) and of O(settings).
  returned: success
  type: dict
timing:
  description: The computed time V(before) and V(after), each in the form of C(timing) of
    M(cloudstack.kvm.ha_readiness_info).
  returned: success
  type: dict
summary:
  description: The same in a line for each case.
  returned: success
  type: list
  elements: str
  sample:
    - "typical: fenced after 1727 s, guests back after 1783 s -> fenced after 318 s, guests back after 343 s"
restart:
  description: Settings that were changed, or would be, and are read only when the management servers start.
  returned: success
  type: list
  elements: str
remarks:
  description: What works, and not as one would think, in words; and values of CloudStack that cannot be used.
  returned: success
  type: list
  elements: str
"""

from functools import partial

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.site import (
    find_place,
    read_settings,
    usable,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import (
    contradictions,
    declared_settings,
    read_agent_keys,
    refuse,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import PROFILES
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.settings import (
    needs_restart,
    plan_settings,
    settings_result,
    summary,
    timing_result,
)

ARGUMENT_SPEC = {
    **API_OPTIONS,
    **IN_ZONE,
    "pod": {"type": "str", "default": ""},
    "cluster": {"type": "str", "required": True},
    "profile": {"type": "str", "choices": list(PROFILES), "default": "default"},
    "settings": {"type": "dict", "default": {}},
    "agent_properties": {"type": "dict", "default": {}},
    "guests": {"type": "int", "default": 1},
}


def body(module):
    options, client = module.params, connect(module.params)
    keys = read_agent_keys(options["agent_properties"])
    wanted = declared_settings(options["profile"], options["settings"])
    zone, cluster = find_place(client, options["zone"], options["pod"], options["cluster"])
    look = partial(read_settings, client, zone["id"], cluster["id"])
    current = look()
    values, invalid = usable(current)
    before = {**values, **keys}
    after = {**before, **wanted}
    refuse(contradictions(after))
    times = timing_result(before, after, options["guests"])
    replan = partial(plan_settings, wanted=wanted, zone=zone, cluster=cluster)
    plan = replan(current)
    if plan and not module.check_mode:
        apply_calls(client, plan, lambda: replan(look()))
    return plan, {
        "settings": settings_result(after),
        "declared": wanted,
        "timing": times,
        "summary": summary(times),
        "restart": needs_restart(plan),
        "remarks": [
            *(f"{each.names[0]}: {each.observed}" for each in contradictions(after)),
            *(why for name, why in sorted(invalid.items()) if name not in wanted),
        ],
    }


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
