# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the hosts ask each other whether multicast passes between them as VXLAN needs it."""

from __future__ import annotations

# modifyvxlan.sh of CloudStack makes the group of a network out of its number: 239.<three bytes of the VNI>. No network
# has the number 0, so nobody else is in this group.
GROUP = "239.0.0.0"
PORT = 8472  # of VXLAN by multicast: the one that firewalls between the hosts have to let pass
MARK = bytes(8) + b"cloudstack.kvm "  # to VXLAN a header without the I flag, which is dropped (RFC 7348, section 5)
EVERY = 0.25  # seconds between two datagrams: a few hosts' worth is nothing, and a lost one is followed by another
LONGEST = 60  # seconds that a host listens, whatever else it does meanwhile
