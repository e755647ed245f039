# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.properties as java.util.Properties reads and rewrites it."""

from __future__ import annotations

import pytest

from tests.unit.lab.packages import load

PROPERTIES = load.agent("properties")


def properties_before_the_first_connect():
    """The names in the order in which setup-agent leaves them, from a captured host whose agent never came up."""
    text = (load.FIXTURES / "join" / "java-missing.txt").read_text()
    return [line.partition("=")[0] for line in text.partition("--props\n")[2].partition("--setup.log")[0].splitlines()]


def test_the_first_connect_rewrites_the_file_in_the_captured_order(tmp_path):
    captured = [
        line
        for line in (load.FIXTURES / "kvm_host" / "agent.properties").read_text().splitlines()
        if not line.startswith("#")
    ]
    values = dict(line.split("=", 1) for line in captured)
    before = properties_before_the_first_connect()
    path = tmp_path / "agent.properties"
    path.write_text("# a comment that goes\n\n" + "".join(f"{name}={values[name]}\n" for name in before))
    added = {name: value for name, value in values.items() if name not in before}
    assert sorted(added) == [
        "LibvirtComputingResource.id",
        "LibvirtComputingResource.name",
        "LibvirtComputingResource.uuid",
        "vm.migrate.wait",
    ]
    PROPERTIES.store(path, {**PROPERTIES.read(path), **added})
    assert [line for line in path.read_text().splitlines() if not line.startswith("#")] == captured
    assert path.read_text().startswith("#Storage\n#")


@pytest.mark.parametrize("value", ["a:b", "a=b", "a\\b", "10.88.0.254@static"])
def test_what_is_written_is_read(tmp_path, value):
    PROPERTIES.store(tmp_path / "p", {"key": value})
    assert PROPERTIES.read(tmp_path / "p") == {"key": value}


def test_a_file_of_zero_bytes_has_no_guid(tmp_path):
    (tmp_path / "p").write_bytes(bytes(600))
    assert PROPERTIES.read(tmp_path / "p") == {}
