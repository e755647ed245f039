# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that talk to the CloudStack API. The argument specification is in
    client/api_options.py."""

    DOCUMENTATION = r"""
options:
  api_url:
    description: Address of the API, such as V(https://cloud.example.org/client/api). Taken from E(CLOUDSTACK_ENDPOINT)
      if not set.
    type: str
    required: true
  api_key:
    description: API key. Taken from E(CLOUDSTACK_KEY) if not set.
    type: str
    required: true
  api_secret:
    description: Secret key. Taken from E(CLOUDSTACK_SECRET) if not set.
    type: str
    required: true
  api_timeout:
    description: Longest wait for one answer or one job, in seconds. addHost alone may need seven minutes.
    type: int
    default: 900
  api_verify:
    description: Whether the server's certificate is verified.
    type: bool
    default: true
requirements:
  - The Python library cs on the controller; run the module there, delegated to localhost
notes:
  - Every request is a signed POST, so that no secret reaches the server's access log.
"""

    IN_ZONE = r"""
options:
  zone:
    description: Name of the zone.
    type: str
    required: true
"""

    IN_POD = r"""
options:
  pod:
    description: Name of the pod.
    type: str
    required: true
"""

    ALLOCATION_STATE = r"""
options:
  allocation_state:
    description: Whether it takes guests.
    type: str
    choices: [Enabled, Disabled]
"""

    RESOURCE = r"""
options:
  state:
    description: Whether it exists.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Predicts exactly what the real run does. A parent that does not exist yet is taken for one that will be
      made first.
    support: full
  diff_mode:
    description: Shows the fields that differ.
    support: full
"""
