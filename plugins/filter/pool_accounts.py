# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.pool_address import account_of_url


def pool_accounts(pools):
    """The accounts of these pools by name; see the documentation beside this file."""
    accounts = {pool["name"]: account_of_url(pool["url"]) for pool in pools}
    return {name: account for name, account in accounts.items() if account}


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"pool_accounts": pool_accounts}
