# SPDX-License-Identifier: GPL-3.0-or-later
"""Global and scoped settings (recorded/config.json, settings.json)."""

from __future__ import annotations

from ..cloud import Cloud
from ..errors import ApiError, bad_parameter, not_understood
from ..registry import Arguments, command
from ..settings import JAVA, check_type, scope_of
from ..validate import page_of
from .common import without_none

SCOPE_CONSTANTS = {
    "zone": "Zone", "cluster": "Cluster", "storagepool": "StoragePool", "account": "Account", "domain": "Domain",
    "imagestore": "ImageStore",
}  # fmt: skip


def view(cloud: Cloud, row: dict, scope: tuple[str, int] | None) -> dict:
    """A setting as answers show it. The field scope is only in answers to a scoped request."""
    value = cloud.settings.get(row["name"], scope)
    return without_none({
        "category": row["category"], "group": row["group"], "subgroup": row["subgroup"], "name": row["name"],
        "value": value,
        "defaultvalue": row["defaultvalue"], "description": row["name"], "isdynamic": row["isdynamic"],
        "component": row["component"],
        "scope": scope[0] if scope else None, "parent": row["parent"],
        "displaytext": row["name"].replace(".", " ").capitalize(),
        "type": row["type"], "options": row["options"],
    })  # fmt: skip


@command(
    "listConfigurations",
    "accountid category clusterid domainid group imagestoreuuid keyword name storageid subgroup zoneid",
)
def list_configurations(cloud: Cloud, given: Arguments) -> dict:
    try:
        scope = scope_of(given)
    except ApiError as error:
        raise not_understood(error.text) from None
    rows = [row for row in cloud.settings.rows.values() if row["category"] != "Hidden"]
    if scope:
        rows = [row for row in rows if cloud.settings.has_scope(row["name"], scope[0])]
    if given.get("name"):
        rows = [row for row in rows if given["name"].lower() in row["name"].lower()]
    for key in ("category", "group", "subgroup"):
        if given.get(key):
            rows = [row for row in rows if (row[key] or "").lower() == given[key].lower()]
    if given.get("keyword"):
        rows = [row for row in rows if given["keyword"].lower() in row["name"].lower()]
    if not rows:
        return {}
    page = page_of(rows, given)
    shown = [view(cloud, row, scope) for row in page]
    return {"count": len(shown) if scope else len(rows), **({"configuration": shown} if shown else {})}


def _scope_for(cloud: Cloud, given: Arguments, name: str) -> tuple[str, int] | None:
    scope = scope_of(given)
    if scope and not cloud.settings.has_scope(name, scope[0]):
        raise bad_parameter(f"Invalid scope id provided for the parameter {name}")
    return scope


@command("updateConfiguration", "accountid clusterid domainid imagestoreuuid storageid value zoneid")
def update_configuration(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.settings.find(given["name"])
    name = row["name"]
    scope = _scope_for(cloud, given, name)
    value = given.get("value")
    if value is None:
        raise bad_parameter(f"The new value for the [{name}] configuration must be given.")
    if not value.strip() and not scope and row["type"] in JAVA:
        raise bad_parameter(f"Value [null] is not a valid [class java.lang.{JAVA[row['type']]}].")
    check_type(row, value.strip())
    cloud.settings.set(name, value if value.strip() else None, scope)
    if name == "host" and cloud.agents is not None:
        cloud.agents.push_management_list(value.strip())  # to every connected agent at once, unchecked
    # the answer repeats an empty value, which lists leave out afterwards
    return {"configuration": {**view(cloud, row, scope), "value": value if value.strip() else ""}}


@command("resetConfiguration", "accountid clusterid domainid storageid zoneid")
def reset_configuration(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.settings.find(given["name"])
    scope = _scope_for(cloud, given, row["name"])
    cloud.settings.reset(row["name"], scope)
    # unlike the other calls this one shows the scope as its Java constant is spelt
    named = {"scope": SCOPE_CONSTANTS[scope[0]]} if scope else {}
    return {"configuration": {**view(cloud, row, scope), **named}}
