# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packet sizes that everybody takes for granted: whole IP packets, in bytes."""

from __future__ import annotations

DEFAULT_MTU = 1500  # of a bridge for which network_bridge_bridges declares none; all that management, public and storage traffic need
GUEST_MTU = 1500  # what a guest believes in
VXLAN_COST = {4: 50, 6: 70}  # by outer IP version: inner Ethernet 14, VXLAN 8, UDP 8, outer IP 20 or 40 (RFC 7348, 5)
TAG = 4  # 802.1Q
