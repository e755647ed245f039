# SPDX-License-Identifier: GPL-3.0-or-later
"""agent_properties on a real file system."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.modules import agent_properties

from tests.unit.plugins.captured import text
from tests.unit.plugins.modules.edge import run_module


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "agent.properties"
    file.write_text(text("agent.properties").replace("(blanked)", "planted-s3cret"))
    file.chmod(0o600)
    return file


@pytest.fixture
def run(path, capsys):
    return lambda properties, **options: run_module(
        agent_properties, capsys, path=str(path), properties=properties, **options
    )


def test_check_real_and_again(path, run):
    wanted = {"workers": 8, "guest.cpu.mode": "host-model", "iscsi.session.cleanup.enabled": None, "port": 8250}
    before = path.read_text()
    predicted = run(wanted, check=True)
    assert path.read_text() == before
    assert len(list(path.parent.iterdir())) == 1
    done = run(wanted)
    assert (
        predicted["changed_keys"]
        == done["changed_keys"]
        == ["guest.cpu.mode", "iscsi.session.cleanup.enabled", "workers"]
    )
    assert predicted["diff"] == done["diff"]
    expected = (
        before.replace("workers=5", "workers=8").replace("iscsi.session.cleanup.enabled=false\n", "")
        + "guest.cpu.mode=host-model\n"
    )
    assert path.read_text() == expected
    assert path.stat().st_mode & 0o7777 == 0o600
    assert not run(wanted)["changed"]
    assert len(list(path.parent.iterdir())) == 2, "a run that changes nothing makes no backup"


def test_backup(path, run):
    before = path.read_text()
    copy = Path(run({"workers": 8})["backup_file"])
    assert copy.read_text() == before
    assert copy.stat().st_mode & 0o7777 == 0o600
    assert "backup_file" not in run({"workers": 9}, backup=False)


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ({"host.reserved.mem.mbb": 1}, "did you mean host.reserved.mem.mb"),
        ({"guid": "x"}, "CloudStack's own key"),
        ({"workers": "many"}, "a whole number from -2147483648 to 2147483647"),
        ({"workers": "1_0"}, "whole number"),
        ({"workers": 2**31}, "whole number"),
        ({"developer": "yes"}, "true or false"),
        ({"guest.cpu.mode": "host_model"}, "one of custom, host-model, host-passthrough"),
        ({"host.tags": ["a"]}, "a single value"),
    ],
)
def test_refused(path, run, wanted, part):
    before = path.read_text()
    result = run({"port": 8251, **wanted})
    assert result["failed"]
    assert part in result["msg"]
    assert path.read_text() == before


def test_a_long_is_longer_than_an_integer(run):
    assert run({"kvm.heartbeat.update.frequency": 2**31})["changed"]


def test_yaml_truth_is_javas(path, run):
    run({"developer": True})
    assert "developer=true\n" in path.read_text()


def test_what_will_not_last_is_said(run):
    assert "vm.migrate.wait is overwritten at every connect" in str(run({"vm.migrate.wait": 3600})["warnings"])


def test_no_secret_leaves(path, run):
    result = run({"my.password": "hunter2-planted"}, allow_unknown=True)
    assert result["changed"]
    assert "my.password=hunter2-planted" in path.read_text()
    assert "hunter2-planted" not in str(result)
    assert "planted-s3cret" not in str(result)


def test_a_file_of_zero_bytes_is_told(path, run):
    path.write_bytes(b"\0" * 646)
    result = run({"workers": 8})
    assert "zero bytes" in result["msg"]
    assert "restore the copy" in result["next_step"]
    assert path.read_bytes() == b"\0" * 646


def test_bytes_of_other_lines_survive(path, run):
    path.write_bytes(b"#\xe9\xff\na=\\\n  b\r\nworkers=5\n")
    run({"workers": 8})
    assert path.read_bytes() == b"#\xe9\xff\na=\\\n  b\r\nworkers=8\n"


def test_a_continued_value_is_replaced_whole(path, run):
    path.write_text("host.tags=a,\\\n   b\nworkers=5\n")
    run({"host.tags": "c"})
    assert path.read_text() == "host.tags=c\nworkers=5\n"


def test_a_missing_file(path, run):
    path.unlink()
    assert "install cloudstack-agent first" in run({"workers": 8})["msg"]
    assert run({"workers": 8}, check=True)["changed_keys"] == ["workers"]
    assert not path.exists()
