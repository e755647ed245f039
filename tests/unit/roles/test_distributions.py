# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host roles declare on each distribution, rendered from facts; no such host is touched (see conftest.py)."""

from __future__ import annotations

import pytest

from tests.unit.roles.distributions import facts

ROLES = ["kvm_host", "time_sync", "network_bridge", "firewall", "storage_client", "cloudstack_agent"]
DEBIAN = ["debian12", "ubuntu2404"]
EL = ["rocky8", "rocky9"]
VARIABLES = {
    "kvm_host_fqdn": "host1.lab.test",
    "kvm_host_address": "192.0.2.11",
    "time_sync_sources": ["192.0.2.254", "pool ntp.example.org maxsources 3"],
    "storage_client_exports": ["192.0.2.254:/export/primary"],
    "cloudstack_agent_version": "4.22.1.0",
    "cloudstack_agent_management_keys": ["ecdsa-sha2-nistp256 AAAA management"],
    "cloudstack_agent_repository_key": "a public key\n",
    "cloudstack_agent_properties": {"vm.memballoon.disable": True},
}
REPOSITORIES = {
    "debian12": "deb https://packages.example.org/ubuntu jammy 4.22",
    "ubuntu2404": "deb https://packages.example.org/ubuntu noble 4.22",
    "rocky8": "https://packages.example.org/centos/8/4.22/",
    "rocky9": "https://packages.example.org/centos/9/4.22/",
}


@pytest.fixture(scope="module")
def rendered(play_many):
    """rendered(host) -> Run of all host roles on that identity, or of kvm_host on a host without certificate: hosts of
    one run."""
    hosts = {
        identity: (ROLES, facts(identity), {**VARIABLES, "cloudstack_agent_repository": REPOSITORIES[identity]})
        for identity in DEBIAN + EL
    }
    without = facts("debian12")
    without["files"]["/etc/pki/libvirt/servercert.pem"] = {"exists": False}
    return play_many({**hosts, "without_certificate": (["kvm_host"], without, {})}).of


@pytest.mark.parametrize("identity", DEBIAN + EL)
def test_all_roles_end_well_and_gather_nothing_again(rendered, identity):
    run = rendered(identity)
    assert run.status == 0, run.output
    assert run.calls
    assert "kvm_host_facts" not in [call["module"] for call in run.calls], "a role gathered what the play had gathered"
    assert len(run.calls) <= 12, "issue 3: few module runs on a host that is as declared"


@pytest.mark.parametrize(("identity", "path", "arguments"), [
    ("debian12", "/etc/default/libvirtd", "--listen"),
    ("ubuntu2404", "/etc/default/libvirtd", "--listen"),
    ("rocky8", "/etc/sysconfig/libvirtd", "-l"),
    ("rocky9", "/etc/sysconfig/libvirtd", "-l"),
])  # fmt: skip
def test_libvirtd_listens_where_its_unit_reads_it(rendered, identity, path, arguments):
    assert rendered(identity).files()[path]["settings"] == {"LIBVIRTD_ARGS": arguments}


@pytest.mark.parametrize("identity", DEBIAN + EL)
def test_libvirt_is_as_setup_agent_leaves_it(rendered, identity):
    files = rendered(identity).files()
    assert files["/etc/libvirt/libvirtd.conf"]["settings"]["listen_tls"] == 1, "the host has its certificate"
    assert files["/etc/libvirt/libvirtd.conf"]["settings"]["listen_tcp"] == 0
    assert files["/etc/libvirt/libvirt.conf"]["settings"] == {"remote_mode": "legacy"}
    qemu = files["/etc/libvirt/qemu.conf"]["settings"]
    assert {
        "security_driver": "none",
        "user": "root",
        "vnc_tls_x509_cert_dir": "/etc/pki/libvirt-vnc",
    }.items() <= qemu.items()
    # serviceConfig.py:752 writes it on EL and SUSE only
    assert qemu.get("vnc_listen") == ("0.0.0.0" if identity in EL else None)


def test_without_a_certificate_libvirtd_does_not_ask_for_one(rendered):
    run = rendered("without_certificate")
    assert run.status == 0, run.output
    assert run.files()["/etc/libvirt/libvirtd.conf"]["settings"]["listen_tls"] == 0, "libvirtd would not start"


@pytest.mark.parametrize("identity", EL)
def test_el_relaxes_selinux_and_masks_the_modular_daemons(rendered, identity):
    files = rendered(identity).files()
    assert files["/etc/selinux/config"]["settings"] == {"SELINUX": "permissive"}
    assert files["/etc/systemd/system/virtqemud.socket"]["src"] == "/dev/null"
    assert not [path for path in files if "apparmor" in path]


@pytest.mark.parametrize("identity", DEBIAN)
def test_debian_disables_the_apparmor_profiles_of_libvirtd(rendered, identity):
    files = rendered(identity).files()
    assert files["/etc/apparmor.d/disable/usr.sbin.libvirtd"]["src"] == "/etc/apparmor.d/usr.sbin.libvirtd"
    assert "/etc/selinux/config" not in files
    assert "/etc/systemd/system/virtqemud.socket" not in files, "a unit that the distribution has not is not masked"


@pytest.mark.parametrize(("identity", "path", "drift"), [
    ("debian12", "/etc/chrony/chrony.conf", "/var/lib/chrony/chrony.drift"),
    ("ubuntu2404", "/etc/chrony/chrony.conf", "/var/lib/chrony/chrony.drift"),
    ("rocky8", "/etc/chrony.conf", "/var/lib/chrony/drift"),
    ("rocky9", "/etc/chrony.conf", "/var/lib/chrony/drift"),
])  # fmt: skip
def test_chrony(rendered, identity, path, drift):
    lines = rendered(identity).files()[path]["content"].splitlines()
    assert [line for line in lines if line.startswith(("server", "pool"))] == [
        "server 192.0.2.254 iburst",
        "pool ntp.example.org maxsources 3 iburst",
    ]
    assert f"driftfile {drift}" in lines


@pytest.mark.parametrize(("identity", "path"), [
    ("debian12", "/etc/nfsmount.conf.d/cloudstack-kvm.conf"),
    ("ubuntu2404", "/etc/nfsmount.conf.d/cloudstack-kvm.conf"),
    ("rocky8", "/etc/nfsmount.conf"),  # nfs-utils 2.3 reads no folder
    ("rocky9", "/etc/nfsmount.conf.d/cloudstack-kvm.conf"),
])  # fmt: skip
def test_nfs_mount_options(rendered, identity, path):
    assert rendered(identity).files()[path]["content"].splitlines()[1:] == [
        "[ NFSMount_Global_Options ]",
        "Proto=tcp",
        "Retrans=2",
        "Timeo=600",
    ]
    assert not [name for name in rendered(identity).files() if name == "/etc/fstab"], "pools are mounted by CloudStack"


@pytest.mark.parametrize("identity", DEBIAN)
def test_apt_repository(rendered, identity):
    files = rendered(identity).files()
    assert files["/etc/apt/sources.list.d/cloudstack.list"]["content"] == REPOSITORIES[identity] + "\n"
    assert files["/etc/apt/trusted.gpg.d/cloudstack.asc"]["content"] == "a public key\n"


@pytest.mark.parametrize("identity", EL)
def test_yum_repository(rendered, identity):
    text = rendered(identity).files()["/etc/yum.repos.d/cloudstack.repo"]["content"].splitlines()
    assert f"baseurl={REPOSITORIES[identity]}" in text
    assert "gpgcheck=1" in text
    assert "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-cloudstack" in text


@pytest.mark.parametrize("identity", DEBIAN + EL)
def test_login_for_cloudstack_is_checked_before_it_is_written(rendered, identity):
    files = rendered(identity).files()
    rule = files["/etc/sudoers.d/cloudstack-kvm"]
    assert rule["validate"] == "visudo -cf %s"
    assert rule["mode"] == "0440"
    for program in ("keystore-setup", "keystore-cert-import", "/usr/bin/cloudstack-setup-agent"):
        assert program in rule["content"]
    assert files["/root/.ssh/authorized_keys"]["lines"] == VARIABLES["cloudstack_agent_management_keys"], (
        "keys of others stay"
    )


@pytest.mark.parametrize("identity", DEBIAN + EL)
def test_firewall_protects_with_the_management_servers_let_in(rendered, identity):
    path = "/etc/nftables.d/cloudstack-kvm.nft" if identity in DEBIAN else "/etc/nftables/cloudstack-kvm.nft"
    entry = rendered(identity).files()[path]
    assert entry["validate"] == "nft -c -f %s"
    assert "192.0.2.254" in entry["content"]
    for port in ("22", "16514", "49152-49216", "5900-6100"):
        assert port in entry["content"]
