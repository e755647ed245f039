# SPDX-License-Identifier: GPL-3.0-or-later
"""`make ha-drill`: the five failures one after the other, on the lab that `make lab` has made and left whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import canary, faults
from .result import client, hide_queries
from .shell import say
from .topology import LabError

TEMPLATE = "canary"
# Which host suffers what: each of them dies at least once. With the failure HANGS it does not come up by its reset, so
# that it is fenced, and its guest starts on a neighbour.
HANGS = "kernel_hang"
DRILLS = (
    ("agent_kill", "host1"),
    ("management_cut", "host2"),
    ("power_off", "host3"),
    ("kernel_hang", "host1"),
    ("storage_cut", "host2"),
)
# Of the cluster; seconds. Minutes where CloudStack's own defaults have half an hour.
CLUSTER = {
    "kvm.ha.activity.check.interval": "10",
    "kvm.ha.activity.check.max.attempts": "3",
    "kvm.ha.activity.check.failure.ratio": "0.5",
    "kvm.ha.degraded.max.period": "20",
    "kvm.ha.recover.wait.period": "120",
}
GLOBAL = {"time.to.sleep": "10", "investigate.retry.interval": "10", "vm.ha.migration.max.retries": "200"}
Play = Callable[[str, list[str]], int]


def run(credentials: dict[str, str], play: Play, lab: faults.Lab) -> int:
    """Host HA on, timers for a rehearsal, the template; then the drills, none left out. `play` runs a playbook with
    arguments and returns its status. Returns how many drills have not passed.
    """
    if play("playbooks/enable_ha.yml", []):
        raise LabError("host HA is not Available on every host: lab/labctl result, then make lab")
    prepare(credentials)
    failed = []
    for failure, host in DRILLS:
        asked = {"ha_drill_host": host, "ha_drill_failure": failure, "ha_drill_template": TEMPLATE}
        if failure == HANGS:
            faults.stage(lab, "boot-hang", {"node": host})
        if play("playbooks/ha_drill.yml", ["-e", json.dumps(asked)]):
            failed.append(f"{failure} of {host}")
        faults.heal(lab, "boot-hang")
    say(f"drills: {len(DRILLS) - len(failed)} of {len(DRILLS)} passed" + "".join(f"; not {each}" for each in failed))
    return len(failed)


def prepare(credentials: dict[str, str]) -> None:
    """Settings and template; what is there already is left as it is."""
    api = client(credentials)
    try:
        [zone] = api.listZones(name="zone1", fetch_list=True)
        [cluster] = api.listClusters(name="cluster1", zoneid=zone["id"], fetch_list=True)
        for name, value in CLUSTER.items():
            api.updateConfiguration(name=name, value=value, clusterid=cluster["id"])
        for name, value in GLOBAL.items():
            api.updateConfiguration(name=name, value=value)
        _template(api, zone["id"])
    except Exception as error:  # cs raises its own and requests' errors
        raise LabError(f"the lab is not ready for drills: {hide_queries(str(error))}") from None


def _template(api: Any, zone_id: str) -> None:
    known = api.listTemplates(templatefilter="all", zoneid=zone_id, name=TEMPLATE, fetch_list=True)
    if any(each["name"] == TEMPLATE for each in known):
        return
    [system] = api.listOsTypes(description="Other Linux (64-bit)", fetch_list=True)
    about = {"format": "QCOW2", "hypervisor": "KVM", "requireshvm": "true", "directdownload": "true"}
    where = {"zoneid": zone_id, "ostypeid": system["id"], "url": canary.URL}
    api.registerTemplate(name=TEMPLATE, displaytext=TEMPLATE, **about, **where)
