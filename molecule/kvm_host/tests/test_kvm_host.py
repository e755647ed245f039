# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd runs as CloudStack needs it, and the host has a name."""


def test_libvirtd_runs_without_sockets(host):
    assert host.service("libvirtd").is_running
    assert host.service("libvirtd").is_enabled
    for unit in ("libvirtd.socket", "libvirtd-ro.socket", "libvirtd-tls.socket"):
        assert not host.service(unit).is_running
        assert host.file(f"/etc/systemd/system/{unit}").linked_to == "/dev/null"
    assert "--listen" in host.check_output("ps -o args= -C libvirtd")


def test_libvirt_answers_and_waits_for_certificates(host):
    assert host.run("virsh -c qemu:///system version").rc == 0
    assert host.file("/etc/libvirt/libvirtd.conf").contains("^listen_tls = 0")
    assert not host.socket("tcp://0.0.0.0:16514").is_listening


def test_names(host):
    assert host.check_output("hostname --fqdn") == "node7.lab.test"
    assert host.check_output("hostname") == "node7"


def test_kernel(host):
    assert host.sysctl("net.ipv4.igmp_max_memberships") == 200
    assert host.file("/etc/modules-load.d/cloudstack-kvm.conf").contains("br_netfilter")


def test_what_setup_agent_calls_is_there(host):
    assert host.run("kvm-ok").rc == 0
    assert host.exists("sudo")
    assert host.exists("lsb_release")
