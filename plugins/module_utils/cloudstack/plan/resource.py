# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(desired, current) -> plan for the objects of cloudstack/model/resource.py. The steps of the plan are API calls as
values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import Field, Resource
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan


def plan_present(
    resource: Resource,
    name: str,
    desired: Mapping[str, Any],
    current: Optional[Mapping[str, Any]],
    parents: Mapping[str, str],
) -> Plan:
    """What makes the object exist with the desired fields. A desired value of None leaves the field alone.

    `parents` are the ids that createX wants (zoneid, podid, ...). Raises InputError where CloudStack can't change a
    field.
    """
    resource.check(desired)
    wanted = {field: desired[field.option] for field in resource.fields if desired.get(field.option) is not None}
    if current is None:
        return _create(resource, name, wanted, parents)
    differing = {
        field: value for field, value in wanted.items() if field.form(value) != field.form(field.observe(current))
    }
    fixed = [field for field in differing if field.update is None]
    if fixed:
        raise _cannot_change(resource, name, fixed[0], differing[fixed[0]], current)
    if not differing:
        return Plan()
    return Plan.of([_update(resource, name, differing, current)])


def plan_absent(resource: Resource, name: str, current: Optional[Mapping[str, Any]]) -> Plan:
    """What makes the object go away."""
    if current is None:
        return Plan()
    before = {field.option: field.show(field.observe(current)) for field in resource.fields if field.read in current}
    call = {"command": resource.delete, "params": {"id": current["id"]}, "is_async": resource.is_async}
    return Plan.of([Change("delete", f"{resource.title} {name}", before={"name": name, **before}, data=call)])


def resource_result(resource: Resource, name: str, current: Optional[Mapping[str, Any]]) -> Optional[dict[str, Any]]:
    """The documented keys of an object: id, name and its options as CloudStack has them."""
    if current is None:
        return None
    return {
        "id": current.get("id"),
        "name": name,
        **{field.option: field.show(field.observe(current)) for field in resource.fields},
    }


def predict(
    resource: Resource, name: str, desired: Mapping[str, Any], current: Optional[Mapping[str, Any]]
) -> dict[str, Any]:
    """What `resource_result` would return after the plan, as far as it is known: the id of a new object and
    CloudStack's defaults are not."""
    known = resource_result(resource, name, current) or {"id": None, "name": name, **dict.fromkeys(resource.options)}
    return {
        **known,
        **{option: _as_answered(desired[option]) for option in resource.options if desired.get(option) is not None},
    }


def _as_answered(value: Any) -> Any:
    """CloudStack shows lists as comma separated text."""
    return ",".join(str(part) for part in value) if isinstance(value, list) else value


def _create(resource: Resource, name: str, wanted: Mapping[Field, Any], parents: Mapping[str, str]) -> Plan:
    # What is empty is left out: there is nothing to clear yet.
    now = {field: value for field, value in wanted.items() if field.create and value not in ("", [])}
    later = {field: value for field, value in wanted.items() if not field.create}
    given = {str(field.create): field.send(value) for field, value in now.items()}
    params: dict[str, Any] = {**parents, **resource.constants, resource.name_create: name, **given}
    target = f"{resource.title} {name}"
    after = {"name": name, **{field.option: value for field, value in wanted.items()}}
    call = {"command": resource.create, "params": params, "is_async": resource.is_async}
    steps = [Change("create", target, after=after, data=call)]
    if later:  # the id is known only after the creation: the code that applies the plan fills it in
        params = {"id": None, **{str(field.update): field.send(value) for field, value in later.items()}}
        call = {"command": resource.update, "params": params, "is_async": resource.is_async}
        steps.append(Change("update", target, after={field.option: value for field, value in later.items()}, data=call))
    return Plan.of(steps)


def _update(resource: Resource, name: str, differing: Mapping[Field, Any], current: Mapping[str, Any]) -> Change:
    given = {field.update: field.send(value) for field, value in differing.items()}
    return Change(
        "update",
        f"{resource.title} {name}",
        before={field.option: field.show(field.observe(current)) for field in differing},
        after={field.option: value for field, value in differing.items()},
        data={
            "command": resource.update,
            "params": {"id": current["id"], **given},
            "is_async": resource.is_async,
        },
    )


def _cannot_change(resource: Resource, name: str, field: Field, value: Any, current: Mapping[str, Any]) -> InputError:
    return InputError(
        f"CloudStack cannot change {field.option} of the {resource.title} {name}",
        expected=f"{field.option} {value}",
        observed=field.show(field.observe(current)),
        next_step=f"declare what is there, or register a new {resource.title} under another name",
    )
