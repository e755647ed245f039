# SPDX-License-Identifier: GPL-3.0-or-later
"""Every leaf of a healthy host's facts, changed between verdict and join: refused exactly where a check says so.

What is to be refused stands in tests/fixtures/gate/changed_facts.yml, written by hand from the pages of the checks; a
leaf that is not in it stops no join. The judging functions are not asked what to expect.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.gate import require_verdict

from tests.cluster_profiles import healthy
from tests.kept_reports import NOW, candidate, kept
from tests.yaml_files import read_yaml

TABLE = read_yaml(Path(__file__).parents[4] / "fixtures" / "gate" / "changed_facts.yml")
WORLD = healthy(members=1, candidates=1)
HOST = "host2"
FACTS = WORLD.hosts[HOST]["facts"]
KEPT = kept(WORLD)
Step = Any
GONE = object()
# Values that a fact can have where "another text" or "one item more" cannot be.
PLAUSIBLE = {
    "os > name": "Rocky Linux",
    "java > version": "8.0.402",
    "ssh > settings > permitrootlogin": "no",
    "ssh > settings > pubkeyauthentication": "no",
    "* > * > addresses": ["10.99.9.9/24"],
    "* > * > addresses > 0": "10.99.9.9/24",
    "* > * > addresses > 1": "fd00::9/64",
    "interfaces > * > lldp": {"system": "switch9", "port": "7", "chassis": "02:00:00:00:00:99"},
    "interfaces > * > bond": {"mode": "active-backup", "active": "eth8", "legs": []},
    "nfs > mounts": [{"source": "192.0.2.9:/home", "target": "/home", "options": "rw"}],
    "routes6": [{"destination": "default", "device": "eth9", "gateway": "fe80::1", "metric": None, "source": None}],
    "firewall > nft": [{"table": {"family": "inet", "name": "other", "handle": 1}}],
}


def leaves(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Each scalar, and each list or dictionary that is empty."""
    if isinstance(value, (dict, list)) and value:
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, (*path, key))
    else:
        yield path, value


def changed(tree: Any, path: tuple[Step, ...], value: Any) -> Any:
    """A copy with another value at the path; GONE takes an item out of its list, and makes anything else null."""
    if not path:
        return None if value is GONE else value
    if isinstance(tree, dict):
        return {**tree, path[0]: changed(tree[path[0]], path[1:], value)}
    if value is GONE and len(path) == 1:
        return [each for number, each in enumerate(tree) if number != path[0]]
    return [changed(each, path[1:], value) if number == path[0] else each for number, each in enumerate(tree)]


def name(path: tuple[Step, ...]) -> str:
    """The path in words: items of lists by their name where they have one."""
    words, tree = [], FACTS
    for step in path:
        item = tree[step]
        named = isinstance(tree, list) and isinstance(item, dict)
        words.append(str(next((item[key] for key in ("name", "destination", "node") if named and key in item), step)))
        tree = item
    return " > ".join(words)


def matches(words: str, pattern: str) -> bool:
    """Whether each step of a path is as the pattern says; * stands for anything in one step."""
    steps, wanted = words.split(" > "), pattern.split(" > ")
    return len(steps) == len(wanted) and all(fnmatch.fnmatchcase(step, each) for step, each in zip(steps, wanted))


def another(path: tuple[Step, ...], value: Any) -> Any:
    """A value that a fact of this kind could have too."""
    plausible = next((each for pattern, each in PLAUSIBLE.items() if matches(name(path), pattern)), None)
    if plausible is not None:
        return plausible
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 or 1
    if isinstance(value, str):
        return (
            re.sub(r"[0-9](?=[^0-9]*$)", lambda digit: str((int(digit[0]) + 1) % 10), value)
            if re.search("[0-9]", value)
            else f"{value}other"
        )
    return ["other"] if value == [] else {"other": "other"} if value == {} else "other"


def nothing(_path: tuple[Step, ...], value: Any) -> Any:
    """0 for a number; other leaves stay."""
    return value if isinstance(value, bool) or not isinstance(value, (int, float)) else 0


def unknown(path: tuple[Step, ...], value: Any) -> Any:
    """It is not known any more. Of a long list of texts the first and the last item stand for all: every one has been
    another before.
    """
    inside = FACTS
    for step in path[:-1]:
        inside = inside[step]
    alike = isinstance(inside, list) and path[-1] not in (0, len(inside) - 1) and isinstance(value, str)
    return value if value is None or alike else GONE


def expected(words: str, column: str) -> set[str]:
    return {check for row in TABLE if matches(words, row["fact"]) for check in row.get(column, ())}


def refused(facts: Any) -> set[str]:
    """Ids of the checks that the refusal names; none if the host may join."""
    try:
        require_verdict(KEPT, candidate(WORLD, HOST, facts), NOW)
    except InputError as error:
        return set(re.findall(r"(?:join: |findings: |; )([A-Z]{3}[0-9]{3}) ", str(error))) or {str(error)}
    return set()


@pytest.mark.parametrize(
    ("column", "change"),
    [("another", another), ("nothing", nothing), pytest.param("unknown", unknown, marks=pytest.mark.full)],
)
def test_every_changed_leaf_is_refused_exactly_where_a_check_says_so(column, change):
    wrong = {}
    for path, value in leaves(FACTS):
        new = change(path, value)
        if new is GONE or new != value:
            found, wanted = refused(changed(FACTS, path, new)), expected(name(path), column)
            if found != wanted:
                wrong[name(path)] = (found, wanted)
    assert not wrong


def test_each_row_of_the_table_is_about_a_leaf():
    words = [name(path) for path, _value in leaves(FACTS)]
    assert len(words) > 600
    assert [row["fact"] for row in TABLE if not any(matches(each, row["fact"]) for each in words)] == []


def test_the_unchanged_host_may_join():
    assert refused(FACTS) == set()
