# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Known causes of a failed join, most telling first.

The order is the one in which a join goes wrong with less and less said about it: addHost's own text, what the
management server answered to the agent, the pools that it connects, the scripts that it runs on the host, the agent's
start, its connection. A rule whose words also appear with another cause stands behind that one's rule. Where each text
comes from stands beside it (`source`); "staged" names a host that was made to fail so, whose remains are in
tests/fixtures/join.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.answer_rules import ANSWER_RULES
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import Rule
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.connect_rules import CONNECT_RULES, LAST_RULES
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.pool_rules import POOL_RULES
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.refusal_rules import REFUSAL_RULES
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.script_rules import SCRIPT_RULES
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.setup_rules import SETUP_RULES
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.start_rules import START_RULES

RULES: tuple[Rule, ...] = (
    *ANSWER_RULES,
    *REFUSAL_RULES,
    *POOL_RULES,
    *SCRIPT_RULES,
    *SETUP_RULES,
    *START_RULES,
    *CONNECT_RULES,
    *LAST_RULES,
)
