#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: clock_offset
short_description: How far a host's clock is from the controller's
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Asks the host for its time over the connection that Ansible already has, again if the round trip was long, and keeps
    the answer with the shortest round trip. Half of the round trip is subtracted, and is the uncertainty of the result.
  - Two hosts that were measured against the same controller can be compared with each other, which is what matters.
    CloudStack takes a host for dead whose heartbeat is 60 seconds old by a neighbour's clock.
  - Needs only C(date) with nanoseconds on the host, no Python and no privileges. Works the same with and without
    C(become).
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
  - cloudstack.kvm.attributes.linux
options:
  samples:
    description: How often to ask, at most.
    type: int
    default: 5
  enough:
    description: The uncertainty, in seconds, that is good enough not to ask again; 0 to ask as often as O(samples)
      says.
    type: float
    default: 0.25
attributes:
  action:
    description: Runs on the controller.
    support: full
"""

EXAMPLES = r"""
- name: Measure the clock
  cloudstack.kvm.clock_offset:
  register: measured

- name: Show how far it is off
  ansible.builtin.debug:
    msg: "{{ measured.clock.offset_s }} s, give or take {{ measured.clock.uncertainty_s }} s"
"""

RETURN = r"""
clock:
  description: The measurement. Null if the host's answer was not understood.
  returned: always
  type: dict
  contains:
    offset_s:
      description: The host's clock minus the controller's, in seconds.
      returned: always
      type: float
      sample: 0.000113
    uncertainty_s:
      description: The true offset is at most this far from RV(clock.offset_s), in seconds.
      returned: always
      type: float
      sample: 0.006271
unknown:
  description: Why RV(clock) is null.
  returned: always
  type: dict
"""
