# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packet sizes that the zone takes for granted: whole IP packets, in bytes."""

from __future__ import annotations

# Of a bridge for which network_bridge_config declares none; all that management, public and storage traffic need.
DEFAULT_MTU = 1500
GUEST_MTU = 1500  # what a guest assumes
# By outer IP version: inner Ethernet 14, VXLAN 8, UDP 8, outer IP 20 or 40 (RFC 7348, 5).
VXLAN_COST = {4: 50, 6: 70}
TAG = 4  # 802.1Q
