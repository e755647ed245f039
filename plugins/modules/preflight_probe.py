#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_probe
short_description: All probes of one host in one module run
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Does what M(cloudstack.kvm.path_mtu), M(cloudstack.kvm.port_check), M(cloudstack.kvm.cpu_compare),
    M(cloudstack.kvm.nfs_export_check) and M(cloudstack.kvm.storage_pool_check) do, one after the other, and beside them
    what M(cloudstack.kvm.multicast_check) does. On many hosts the start of a module costs more than the probes.
  - A probe that fails does not fail the module or stop the others. Its result then has C(failed) and C(msg).
  - For the role P(cloudstack.kvm.preflight#role). In your own plays, use these modules directly; they are easier to
    read.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
  - cloudstack.kvm.attributes.linux
options:
  path_mtu:
    description:
      - The options of M(cloudstack.kvm.path_mtu). Comes first, because the hosts measure each other at the same time.
      - Without any probe nothing is done, and the result has C(skipped).
    type: dict
  port_check:
    description: The options of M(cloudstack.kvm.port_check).
    type: dict
  cpu_compare:
    description: The options of M(cloudstack.kvm.cpu_compare).
    type: dict
  nfs_export_check:
    description: The options of M(cloudstack.kvm.nfs_export_check).
    type: dict
  storage_pool_check:
    description: The options of M(cloudstack.kvm.storage_pool_check), but for the accounts.
    type: dict
  multicast_check:
    description: The options of M(cloudstack.kvm.multicast_check). It listens as long as the other probes take.
    type: dict
  storage_pool_accounts:
    description: The option O(cloudstack.kvm.storage_pool_check#module:accounts).
    type: dict
"""

EXAMPLES = r"""
- name: Probe two ports and an export
  cloudstack.kvm.preflight_probe:
    port_check:
      targets:
        - {to: host2, address: 192.0.2.12, port: 16514}
        - {to: host2, address: 192.0.2.12, port: 49152}
    nfs_export_check:
      exports: ["192.0.2.60:/export/primary"]
      report_only: true
  become: true
"""

RETURN = r"""
probes:
  description: For each option that was given what that module returns.
  returned: always
  type: dict
  sample:
    port_check:
      ports:
        - {to: host2, address: 192.0.2.12, port: 16514, purpose: "", state: open, ms: 0.4, text: "", source: 192.0.2.11}
    nfs_export_check: {failed: true, msg: "not an NFS export. Expected: server:/path. Observed: /export/primary."}
"""

from functools import partial

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import cpu_compare
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check import run as path_check
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan import request
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import (
    multicast,
    nfs_exports,
    ports,
    storage_pools,
)

PROBES = ("path_mtu", "port_check", "cpu_compare", "nfs_export_check", "storage_pool_check", "multicast_check")
ACCOUNTS = "storage_pool_accounts"


def paths(options):
    """What the module path_mtu does; a host that has no path to probe need not listen either."""
    if not options["probes"]:
        return {"skipped": True}
    request.validate(options, path_check.pack)
    return path_check.probe_peers(options)


def probed(name, given, spec, probe):
    """The result of one probe. Whatever goes wrong is part of it: the others are done all the same."""
    checked = ArgumentSpecValidator(spec).validate(given)
    try:
        if checked.error_messages:
            raise InputError("; ".join(checked.error_messages), next_step=f"correct the option {name}")
        return probe(checked.validated_parameters)
    except KvmError as error:
        return {"failed": True, "msg": str(error)}
    except Exception as error:
        return {"failed": True, "msg": str(runtime.defect(error))}


def body(module):
    exports = partial(nfs_exports.check_all, check_mode=module.check_mode, warn=module.warn)
    probes = {
        "path_mtu": (request.OPTIONS, paths),
        "port_check": (ports.OPTIONS, ports.check_all),
        "cpu_compare": (cpu_compare.OPTIONS, cpu_compare.compare_all),
        "nfs_export_check": (nfs_exports.OPTIONS, exports),
        "storage_pool_check": (storage_pools.OPTIONS, partial(storage_pools.check_all, check_mode=module.check_mode)),
    }
    given = with_accounts(module.params)
    wanted = {name: probe for name, probe in probes.items() if given[name] is not None}

    def run():
        return {name: probed(name, given[name], *probe) for name, probe in wanted.items()}

    return Plan(), {"probes": with_multicast(given["multicast_check"], run)}


def with_multicast(options, run):
    """The results of `run`, and who was heard meanwhile."""
    if options is None:
        return run()
    results = {}

    def listen(checked):
        others, heard = multicast.beside(checked, run)
        results.update(others)
        return heard

    heard = probed("multicast_check", options, multicast.OPTIONS, listen)
    return {**(results or run()), "multicast_check": heard}


def with_accounts(params):
    """The options with the accounts of the pools in their place. They come in an option of their own, as only then
    Ansible hides them and nothing else."""
    pools = params["storage_pool_check"]
    if pools is None:
        return params
    return {**params, "storage_pool_check": {**pools, "accounts": params[ACCOUNTS] or {}}}


def main():
    runtime.run({**dict.fromkeys(PROBES, {"type": "dict"}), ACCOUNTS: {"type": "dict", "no_log": True}}, body)


if __name__ == "__main__":
    main()
