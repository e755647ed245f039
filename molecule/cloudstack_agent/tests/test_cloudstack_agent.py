# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent is installed at the pinned version, held still, and CloudStack can log in."""

from __future__ import annotations

SCRIPTS = "/usr/share/cloudstack-common/scripts/util/"


def test_pinned_version(host):
    for name in ("cloudstack-common", "cloudstack-agent"):
        assert host.package(name).version.startswith("4.22.1.0")


def test_unit_is_held_still(host):
    assert not host.service("cloudstack-agent").is_running
    assert host.service("cloudstack-agent").is_enabled, "a joined host would not come back after a reboot"
    assert host.check_output("systemctl show cloudstack-agent -p SubState --value") != "auto-restart"


def test_key_of_the_management_server(host):
    keys = host.file("/root/.ssh/authorized_keys")
    assert keys.mode == 0o600
    assert "molecule management" in keys.content_string
    assert len(keys.content_string.splitlines()) >= 2, "the key that was there before is gone"


def test_sudo_rule_is_valid_and_covers_what_the_server_runs(host):
    assert host.run("visudo -c").rc == 0
    listed = host.check_output("sudo -l -U root")
    for program in (SCRIPTS + "keystore-setup", SCRIPTS + "keystore-cert-import", "/usr/bin/cloudstack-setup-agent"):
        assert program in listed


def test_properties_are_set_key_by_key(host):
    text = host.file("/etc/cloudstack/agent/agent.properties").content_string
    assert "host.reserved.mem.mb=512" in text
    assert "vm.memballoon.disable=true" in text
    assert "resource=" in text, "the package's own keys are gone"
    assert "#" in text, "the comments of the package are gone"
