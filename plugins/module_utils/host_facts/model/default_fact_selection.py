# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every collection of facts looks at, whoever asks for it: a profile must not depend on the playbook that made
it."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.join_programs import JOIN_PROGRAMS

LIBVIRT_SOCKETS = (
    "libvirtd.socket",
    "libvirtd-ro.socket",
    "libvirtd-admin.socket",
    "libvirtd-tls.socket",
    "libvirtd-tcp.socket",
)
# virtlogd and virtlockd are not among them: libvirtd itself needs these two.
_MODULAR = (
    "virtqemud",
    "virtnetworkd",
    "virtstoraged",
    "virtproxyd",
    "virtnodedevd",
    "virtsecretd",
    "virtnwfilterd",
    "virtinterfaced",
)
MODULAR_SERVICES = tuple(f"{name}.service" for name in _MODULAR)
MODULAR_SOCKETS = (
    *(f"{name}{kind}.socket" for name in _MODULAR for kind in ("", "-ro", "-admin")),
    "virtproxyd-tls.socket",
    "virtproxyd-tcp.socket",
)

UNITS = (
    "libvirtd.service",
    *LIBVIRT_SOCKETS,
    *MODULAR_SERVICES,
    *MODULAR_SOCKETS,
    "cloudstack-agent.service",
    "chrony.service",
    "chronyd.service",
    "systemd-timesyncd.service",
    "ntp.service",
    "ntpd.service",
    "ntpsec.service",
    "openntpd.service",
    # What announces the tunnels of EVPN (checks/vxlan.py).
    "frr.service",
    "bird.service",
    "gobgpd.service",
    "fapolicyd.service",
    "iscsid.service",
    "multipathd.service",
)
SYSCTL = (
    "net.ipv4.ip_forward",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-call-arptables",
    "net.ipv4.igmp_max_memberships",
    "net.ipv4.conf.all.rp_filter",
    "vm.swappiness",
    "vm.overcommit_memory",
    "vm.overcommit_ratio",
    "kernel.hung_task_panic",
    "kernel.panic",
)
KERNEL_MODULES = (
    "br_netfilter",
    "kvm",
    "kvm_amd",
    "kvm_intel",
    "tun",
    "vhost_net",
    "8021q",
    "bonding",
    "openvswitch",
    "iptable_filter",
)
# Names of all distributions together; what is not installed is null.
PACKAGES = (
    "cloudstack-agent",
    "cloudstack-common",
    "libvirt-daemon-system",
    "libvirt",
    "libvirt-clients",
    "libvirt-daemon-driver-storage-rbd",
    "qemu-system-x86",
    "qemu-kvm",
    "ovmf",
    "edk2-ovmf",
    "cpu-checker",
    "chrony",
    "nfs-common",
    "nfs-utils",
    "nftables",
    "sudo",
)
# No file whose content, or a hash of it, would tell a secret.
FILES = (
    "/etc/cloudstack/agent/cloud.ca.crt",
    "/etc/cloudstack/agent/cloud.crt",
    "/etc/cloudstack/agent/cloud.csr",
    "/etc/cloudstack/agent/cloud.jks",
    "/etc/cloudstack/agent/uefi.properties",
    "/etc/legal",
    "/etc/libvirt/hooks/qemu",
    "/etc/libvirt/libvirt.conf",
    "/etc/pki/CA/cacert.pem",
    "/etc/pki/libvirt/servercert.pem",
    "/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh",
)
# What a join, the agent or a check starts, looked for in PATH and in the folders of an administrator.
PROGRAMS = (
    "kvm-ok",
    "ifconfig",
    "iptables",
    "ip6tables",
    "ebtables",
    "ipset",
    "virsh",
    "mount.nfs",
    "sudo",
    "keytool",
    "ipmitool",
    "iscsiadm",
    "hostname",
    *(each.name for each in JOIN_PROGRAMS),
)
