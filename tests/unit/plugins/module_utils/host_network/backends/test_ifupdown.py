# SPDX-License-Identifier: GPL-3.0-or-later
"""What the back end asks of ifup and ifdown. What these really do is shown by
tests/integration/test_bridge_rollback.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.ifupdown import Ifupdown
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.ifupdown import MAIN_FILE, OWN_FILE

FILES = {MAIN_FILE: "auto lo\nsource interfaces.d/*\n", OWN_FILE: "iface eth0 inet dhcp\niface cloudbr0 inet statik\n"}


class Host:
    """Notes each command, with the file that is asked about in place of its path; the answers are those given."""

    def __init__(self, *answers):
        self.answers, self.calls, self.seen = list(answers), [], ""

    def __call__(self, argv, timeout=20):
        path = next((each for each in argv if each.endswith("/candidate")), "")
        self.seen = Path(path).read_text() if path else self.seen
        self.calls.append(" ".join(argv).replace(path, "FILE") if path else " ".join(argv))
        status, stderr, problem = self.answers.pop(0) if self.answers else (0, "", "")
        return Answer(argv, status, "", stderr.replace("FILE", path), problem)


class Backend(Ifupdown):
    def read(self):
        return FILES


def test_the_files_are_asked_about_as_a_whole():
    host = Host()
    Backend(host).check(FILES, ["eth0"])
    assert host.calls == ["ifquery --list --interfaces FILE", "ifup --no-act --force --interfaces FILE eth0"]
    assert host.seen == "auto lo\niface eth0 inet dhcp\niface cloudbr0 inet statik\n"


def test_the_line_that_is_refused_is_shown():
    host = Host((1, 'ifquery: FILE:3: unknown method\nifquery: couldn\'t read interfaces file "FILE"\n', ""))
    with pytest.raises(InputError, match="nothing was changed.*unknown method.*the line: iface cloudbr0 inet statik"):
        Backend(host).check(FILES, [])


def test_a_host_without_ifupdown_accepts_everything():
    Backend(Host((None, "", "ifquery is not installed"))).check(FILES, [])


def test_a_program_that_hangs_does_not_accept():
    with pytest.raises(InputError, match="gave no answer"):
        Backend(Host((None, "", "`ifquery` gave no answer within 20 s"))).check(FILES, [])


def test_only_what_the_files_know_is_taken_down():
    host = Host()
    backend = Backend(host)
    for name in ("cloudbr0", "eth9"):
        backend.take_down(name)
    assert host.calls == ["ifdown --force cloudbr0"]


def test_a_bond_that_the_files_do_not_know_is_deleted_too():
    host = Host()
    Backend(host).delete("bond0")
    assert host.calls == ["ip link delete bond0"]


def test_the_port_comes_first():
    host = Host()
    Backend(host).bring_up(["eth0", "cloudbr0"])
    assert host.calls == ["ifup --force eth0", "ifup --force cloudbr0"]
    with pytest.raises(ApplyError, match="`ifup --force eth0` failed.*no such thing"):
        Backend(Host((1, "no such thing", ""))).bring_up(["eth0", "cloudbr0"])


def test_a_vlan_device_comes_up_without_its_bond_which_is_up():
    """ifup --force would bring bond0 up again, and ifenslave takes its ports down for that."""
    host = Host()
    Backend(host).bring_up(["eth0", "bond0", "bond0.7"])
    assert host.calls == ["ifup --force eth0", "ifup --force bond0", "ifdown --force bond0.7", "ifup bond0.7"]
    with pytest.raises(ApplyError, match="`ifup bond0.7` failed"):
        Backend(Host((0, "", ""), (1, "no bond0", ""))).bring_up(["bond0.7"])


def test_a_dhcp_client_is_started_again_whatever_it_says():
    host = Host((1, "no lease", ""))
    Backend(host).resume(["cloudbr0", "eth0"])
    assert host.calls == ["ifup --force eth0"]


def test_the_files_are_those_that_ifupdown_reads(tmp_path, monkeypatch):
    module = "ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.ifupdown"
    main, folder, other = tmp_path / "interfaces", tmp_path / "interfaces.d", tmp_path / "other"
    monkeypatch.setattr(f"{module}.MAIN_FILE", str(main))
    monkeypatch.setattr(f"{module}.FOLDER", str(folder))
    assert Ifupdown().read() == {}
    folder.mkdir()
    main.write_text(f"source {other}\nsource {main}\n")
    other.write_bytes(b"# caf\xe9\r\n")
    (folder / "cloud-init").write_text("auto eth0\n")
    (folder / ".hidden").write_text("auto eth1\n")
    assert Ifupdown().read() == {
        str(main): main.read_text(),
        str(folder / "cloud-init"): "auto eth0\n",
        str(other): "# caf\udce9\r\n",
    }
