# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ports between hosts, management servers, storage and BMCs, and what a probe of them is for."""

from __future__ import annotations

AGENT = 8250  # of the management server (AgentManager); agents connect to it
# Of libvirtd: qemu+tls:// without a port, which is what the agent asks for (LibvirtMigrateCommandWrapper.java:99-104).
MIGRATION_TLS = 16514
MIGRATION_DATA = 49152  # the first of those that QEMU takes for a migration (qemu.conf, migration_port_min)
NFS = 2049
IPMI = 623  # UDP
VXLAN = 8472  # UDP, Linux's own choice, which modifyvxlan.sh leaves as it is
VXLAN_EVPN = 4789  # UDP, that of RFC 7348, which modifyvxlan-evpn.sh takes

BMC_FROM_GUEST = "BMC from the guest network"  # the purpose of a probe that had better get no answer
GUESTS_BETWEEN_HOSTS = "VXLAN"  # the purpose of a datagram that is answered where no VXLAN device has the port yet
