# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finding CloudStack's objects by name and carrying out plans made of API calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import (
    JOB_INTERVAL,
    RESTART,
    Client,
    NoAnswer,
    patiently,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import Resource
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

SHOWN = 20  # names that an error lists


def find(client: Client, resource: Resource, name: str, **within: Optional[str]) -> Optional[dict[str, Any]]:
    """The one object of that name inside the parents `within` (zoneid=...), or None. Raises InputError, see `pick`."""
    return pick(resource, name, client.list(resource.listing, resource.kind, **within))


def pick(resource: Resource, name: str, listed: list[dict[str, Any]]) -> Optional[dict[str, Any]]:
    """The one object of that name.

    Raises InputError when several bear it, which CloudStack allows for physical networks and storage pools, and when
    one has it in other letters, because CloudStack's database takes both for the same and refuses the second one
    without saying so.
    """
    found = [entry for entry in listed if entry.get(resource.name_read) == name]
    if len(found) > 1:
        raise InputError(
            f"{len(found)} objects of CloudStack are named {resource.title} {name}",
            expected="one",
            observed=", ".join(str(entry.get("id")) for entry in found),
            next_step="rename or remove all but one in CloudStack",
        )
    if found:
        return found[0]
    alike = [
        entry[resource.name_read] for entry in listed if str(entry.get(resource.name_read)).lower() == name.lower()
    ]
    if alike:
        raise InputError(
            f"the {resource.title} is written differently in CloudStack",
            expected=name,
            observed=alike[0],
            next_step="use the spelling of CloudStack in the inventory",
        )
    return None


def require(client: Client, resource: Resource, name: str, **within: Optional[str]) -> dict[str, Any]:
    """Like find, but the object must exist."""
    listed = client.list(resource.listing, resource.kind, **within)
    found = pick(resource, name, listed)
    if found is None:
        raise missing(resource, name, [str(entry.get(resource.name_read)) for entry in listed])
    return found


def missing(resource: Resource, name: str, existing: list[str]) -> InputError:
    """The error for a parent that does not exist, with those that do."""
    close = get_close_matches(name, existing, n=1)
    return InputError(
        f"the {resource.title} {name} does not exist in CloudStack",
        expected=f"a {resource.title} named {name}",
        observed=(", ".join(sorted(existing)[:SHOWN]) + (" and more" if len(existing) > SHOWN else ""))
        or "none at all",
        next_step=(f"did you mean {close[0]}? Otherwise " if close else "")
        + "run ansible-playbook cloudstack.kvm.register_cluster first, or correct the name in the inventory",
    )


def find_parents(
    client: Client, options: Mapping[str, Any], check_mode: bool, *chain: Resource
) -> Optional[dict[str, str]]:
    """The ids of the parents that the options name, from the zone down, as parameters: zoneid, podid, ...

    Raises InputError for one that does not exist. None instead in check mode, where the same run would make it first,
    and for an object that is to be absent.
    """
    lenient = check_mode or options["state"] == "absent"
    ids: dict[str, str] = {}
    for resource in chain:
        look = find if lenient else require
        found = look(client, resource, options[resource.option] or "", **ids)
        if found is None:
            return None
        ids[resource.id_parameter] = found["id"]
    return ids


def apply_calls(client: Client, plan: Plan, replan: Optional[Callable[[], Plan]] = None) -> list[dict[str, Any]]:
    """Carry out the calls of a plan in order; an id of None stands for the object that the plan itself made.

    No call is sent twice. Where its answer got lost, `replan` (what is still to do, from what CloudStack has now) shows
    whether it was carried out, and the rest is done. Raises ApiError; NoAnswer without `replan`, and where the work is
    still not seen.
    """
    answers: list[dict[str, Any]] = []
    made = ""
    left = [*plan]
    while left:
        change = left.pop(0)
        params = {**change.data["params"]}
        if params.get("id", "") is None:
            params["id"] = made
        run = client.job if change.data["is_async"] else client.call
        try:
            answer = run(change.data["command"], **params)
        except NoAnswer as lost:
            left = [*_left_after(client, lost, change, replan)]
            continue
        made = made or _id(answer)
        answers.append(answer)
    return answers


def _left_after(client: Client, lost: NoAnswer, change: Change, replan: Optional[Callable[[], Plan]]) -> Plan:
    """What is left to do once a call whose answer got lost has done its work. Raises `lost` if that is not seen in
    time."""
    if replan is None:
        raise lost
    end = client.clock.monotonic() + RESTART
    while True:
        left = patiently(client, replan)
        if change.data["command"] not in {step.data["command"] for step in left}:
            return left
        if client.clock.monotonic() >= end:
            work = f"{change.action} {change.target}"
            lost.observed = f"{lost.observed}. For {RESTART:.0f} s afterwards CloudStack did not show it: {work}"
            raise lost
        client.clock.sleep(JOB_INTERVAL)


def _id(answer: dict[str, Any]) -> str:
    """The id of the object in an answer, which holds the object or a list with it under its kind."""
    for value in answer.values():
        entry = value[0] if isinstance(value, list) and value else value
        if isinstance(entry, dict) and entry.get("id"):
            return str(entry["id"])
    return ""
