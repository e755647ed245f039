# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that talk to the CloudStack API. The argument specification is in
    client/api_options.py."""

    DOCUMENTATION = r"""
options:
  api_url:
    description:
      - Address of the API, such as V(https://cloud.example.org/client/api).
      - Needed, here or in the configuration of the Python library cs, as are O(api_key) and O(api_secret). Those that
        are not set here are taken from E(CLOUDSTACK_ENDPOINT), E(CLOUDSTACK_KEY) and E(CLOUDSTACK_SECRET). Where
        E(CLOUDSTACK_ENDPOINT) is not set, C(endpoint), C(key) and C(secret) of a section are taken that
        C(~/.cloudstack.ini), C(cloudstack.ini) in the folder of ansible-playbook and the file that
        E(CLOUDSTACK_CONFIG) names have, the last one first. The section is V([cloudstack]), or the one that
        E(CLOUDSTACK_REGION) names.
    type: str
  api_key:
    description: API key. See O(api_url) for where it is taken from if not set.
    type: str
  api_secret:
    description: Secret key. See O(api_url) for where it is taken from if not set.
    type: str
  api_timeout:
    description:
      - Longest wait for one answer or one job, in seconds. addHost alone may need seven minutes.
      - Taken from E(CLOUDSTACK_TIMEOUT) for an answer and E(CLOUDSTACK_JOB_TIMEOUT) for a job if not set, or C(timeout)
        and C(job_timeout) of the same section; 900 where these are not set either.
    type: int
  api_verify:
    description:
      - Whether the server's certificate is verified, V(true) or V(false); or the path of a file or folder with the
        certificates of the CAs that it is verified against, in PEM. A path that is not absolute is looked for in the
        folder of ansible-playbook.
      - V(true) trusts the CAs of the controller's own store, and those that the Python library certifi brings along.
      - Taken from E(CLOUDSTACK_VERIFY) if not set, or C(verify) of the same section; V(true) where that is not set
        either.
    type: raw
requirements:
  - The Python library cs on the controller; run the module there, delegated to localhost
notes:
  - Every request is a signed POST, so that no secret reaches the server's access log; E(CLOUDSTACK_METHOD) and
    E(CLOUDSTACK_TRACE) are not followed.
  - Delegated to localhost the module runs as the user and with the Python of ansible-playbook, without C(become).
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
