# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place where a module starts and ends: builds it, maps errors to messages, renders result and diff."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

# What a module's body returns: the plan it made (and, unless in check mode, applied) and the documented result keys.
Outcome = tuple[Plan, Mapping[str, Any]]


def run(
    argument_spec: Mapping[str, Any], body: Callable[[AnsibleModule], Outcome], *, host: str = "", **kwargs: Any
) -> None:
    """Build the module, run `body`, and leave.

    `body` fetches, plans and, unless `module.check_mode`, applies. It raises KvmError for everything an operator can
    act on; any other exception is a defect and is reported with its traceback. `host` names the place in an error that
    names none. Values of no_log options, and those given to `hide`, are taken out of everything that leaves, errors and
    tracebacks included. Further keyword arguments go to AnsibleModule."""
    module = AnsibleModule(argument_spec=dict(argument_spec), supports_check_mode=True, **kwargs)
    try:
        plan, result = body(module)
    except KvmError as error:
        error.host = error.host or host
        module.fail_json(msg=str(error), **_parts(error))
    except Exception as error:  # Ansible's own handling would print it with the secrets in it
        module.fail_json(msg=str(defect(error, host)), exception=traceback.format_exc())
    module.exit_json(changed=bool(plan), diff=plan.diff(), **result)


def defect(error: Exception, host: str = "") -> KvmError:
    """The message for an exception that is not one for operators."""
    words = f"unexpected {type(error).__name__}: {error}"
    return KvmError(words, host=host, next_step="this is a defect of cloudstack.kvm: report it with the traceback")


def hide(module: AnsibleModule, *secrets: Any) -> None:
    """Keep secrets that no option declares (read from a file, or a value of a dictionary) out of everything that
    leaves."""
    module.no_log_values.update(str(secret) for secret in secrets if secret not in (None, ""))


def _parts(error: KvmError) -> dict[str, Any]:
    """The parts of the message as values, so that a playbook need not take the sentence apart."""
    parts = {
        "expected": error.expected,
        "observed": error.observed,
        "next_step": error.next_step,
        "reproduce": error.reproduce,
    }
    extra = getattr(error, "details", {})
    return {**{key: value for key, value in parts.items() if value not in ("", None)}, **extra}
