# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing, by dpkg's and rpm's own words."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.parse.packages import parse_dpkg, parse_rpm
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.plan.packages import plan_packages

DPKG = (
    "cloudstack-agent\tii \t4.22.1.0~jammy\t\n"
    "chrony\trc \t4.3-2+deb12u1\ttime-daemon\n"
    "libvirt-daemon-system\tiU \t9.0.0-4\t\n"
    "systemd-timesyncd\tii \t252.39-1~deb12u1\ttime-daemon\n"
    "python3\tii \t3.11.2-1+b1\tpython3-profiler, python3-supported-min (= 3.11)\n"
)
RPM = "chrony\t4.5-1.el9\tchrony,config(chrony),\ncloudstack-agent\t4.22.1.0-1\tcloudstack-agent,\n"


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["python3", "cloudstack-agent"], []),
        (["chrony"], ["chrony"]),  # removed but for its configuration
        (["libvirt-daemon-system"], ["libvirt-daemon-system"]),  # unpacked, never configured
        (["cloudstack-agent=4.22.1.0*"], []),
        (["cloudstack-agent=4.22.0.0*"], ["cloudstack-agent=4.22.0.0*"]),
        (["time-daemon", "python3-supported-min"], []),  # provided by what is there
        (["sudo", "sudo", "chrony"], ["sudo", "chrony"]),
        ([], []),
    ],
)
def test_missing_on_debian(names, missing):
    assert [change.target for change in plan_packages(names, parse_dpkg(DPKG))] == missing


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["chrony", "cloudstack-agent-4.22.1.0*"], []),
        (["cloudstack-agent-4.22.0.0*", "libvirt"], ["cloudstack-agent-4.22.0.0*", "libvirt"]),
    ],
)
def test_missing_on_el(names, missing):
    assert [change.target for change in plan_packages(names, parse_rpm(RPM))] == missing


def test_the_diff_shows_the_version_before():
    (change,) = plan_packages(["cloudstack-agent=4.22.2.0*"], parse_dpkg(DPKG))
    assert (change.before, change.after) == ("cloudstack-agent=4.22.1.0~jammy", "cloudstack-agent=4.22.2.0*")


@pytest.mark.parametrize("name", ["--allow-unauthenticated", "-y", "", "a b", "chrony;reboot"])
def test_what_is_not_a_name_is_refused(name):
    with pytest.raises(InputError, match="not the name of a package"):
        plan_packages([name], [])
