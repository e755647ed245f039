# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The settings as an inventory declares them: a profile and what differs from it, read into values and compared with
each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import real, whole
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import (
    AGENT_KEYS,
    ALL,
    PROFILES,
    RENAMED,
    SETTINGS,
    Setting,
    Value,
    full,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import (
    HEARTBEAT_LIMIT,
    attempts_window,
    failover,
    failures_needed,
)

SHORTEST_STALL = 60  # seconds that storage may stall in the failover of its server


@dataclass(frozen=True)
class Contradiction:
    """Settings that do not fit each other. `names` are the settings, `fatal`: the failover cannot work as declared;
    else it works, and not as one would think."""

    names: tuple[str, ...]
    expected: str
    observed: str
    fix: str
    fatal: bool = True


def declared_settings(profile: str, given: Mapping[str, Any]) -> dict[str, Value]:
    """The values that are to hold, by name: those of the profile, and over them the given ones. What neither has is
    left as it is.

    Raises InputError for an unknown profile or name, one of an older CloudStack, a key of the agent, and a value that
    cannot be.
    """
    if profile not in PROFILES:
        raise InputError("this profile does not exist", expected=" or ".join(PROFILES), observed=profile)
    for name in given:
        if name in AGENT_KEYS:
            raise InputError(
                f"{name} is not a setting of CloudStack but a key of agent.properties",
                expected=", ".join(SETTINGS),
                observed=name,
                next_step="set it in cloudstack_agent_properties (role cloudstack_agent)",
            )
    own = {name: read_value(name, value) for name, value in given.items()}
    return {**PROFILES[profile], **own}


def read_value(name: str, value: Any) -> Value:
    """The value of a setting, from text or as YAML has it. Raises InputError."""
    setting = ALL.get(name)
    if setting is None:
        raise _unknown(name)
    text = str(value).strip()
    if isinstance(setting.default, str):
        return "" if value is None else text
    if isinstance(setting.default, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise _invalid(name, "true or false", text)
    try:
        number = real(text, name)
        # ping.timeout and the ratio are decimals; the rest CloudStack reads as whole numbers.
        read: Value = number if isinstance(setting.default, float) else whole(text, name)
    except ParseError:
        raise _invalid(name, _wanted(setting), text) from None
    if number < setting.least:
        raise _invalid(name, _wanted(setting), text)
    return read


def read_agent_keys(properties: Mapping[str, Any]) -> dict[str, Value]:
    """The keys of agent.properties that decide a failover, out of those that are declared. Raises InputError for a
    value that cannot be, and for the name of an older CloudStack. A key that is null (removed) has its default.
    """
    for name in properties:
        if name in RENAMED and name != "workers":  # which the agent has too, for something else
            raise _unknown(name)
    given = {name: value for name, value in properties.items() if name in AGENT_KEYS and value is not None}
    return {name: read_value(name, given.get(name, setting.default)) for name, setting in AGENT_KEYS.items()}


def refuse(found: Sequence[Contradiction]) -> None:
    """Raise InputError for the fatal ones."""
    fatal = [each for each in found if each.fatal]
    if fatal:
        raise InputError(
            "the settings of the failover contradict each other, nothing was changed",
            expected="; ".join(each.expected for each in fatal),
            observed="; ".join(f"{each.names[0]}: {each.observed}" for each in fatal),
            next_step="; ".join(each.fix for each in fatal),
        )


def _wanted(setting: Setting) -> str:
    kind = "a number" if isinstance(setting.default, float) else "a whole number"
    return f"{kind} from {setting.least:g} up ({setting.unit})"


def _invalid(name: str, expected: str, observed: str) -> InputError:
    return InputError(
        f"the value of {name} is not valid",
        expected=expected,
        observed=observed or "nothing",
        next_step="correct it; CloudStack itself stores any number without a word",
    )


def _unknown(name: str) -> InputError:
    if name in RENAMED:
        return InputError(
            f"the setting {name} does not exist in CloudStack 4.22",
            expected=RENAMED[name],
            observed=name,
            next_step="use the name of today",
        )
    close = get_close_matches(name, ALL, n=1)
    return InputError(
        f"{name} does not decide a failover",
        expected=", ".join(ALL),
        observed=name,
        next_step=f"did you mean {close[0]}?" if close else "set it with the module configuration",
    )


def contradictions(given: Mapping[str, Value]) -> list[Contradiction]:
    """What does not fit, the fatal ones first."""
    values = full(given)
    found = [*_series(values), *_bmc(values), *_pings(values), *_heartbeats(values)]
    if not any(each.fatal for each in found):
        found += [*_attempts(values)]
    return sorted(found, key=lambda each: not each.fatal)


def _series(values: Mapping[str, Value]) -> Iterator[Contradiction]:
    attempts, ratio = values["kvm.ha.activity.check.max.attempts"], values["kvm.ha.activity.check.failure.ratio"]
    names = ("kvm.ha.activity.check.failure.ratio", "kvm.ha.activity.check.max.attempts")
    needed = failures_needed(values)
    if needed > int(attempts):
        yield Contradiction(
            names,
            "a ratio that failed checks can exceed, below 1",
            f"more than {ratio} of {attempts} checks have to fail: that is {needed} of {attempts}, and no host is ever"
            " fenced",
            f"set {names[0]} below 1; CloudStack's own is 0.7",
        )
    elif float(ratio) < 0.5:
        yield Contradiction(
            names,
            "at least half of the checks (CloudStack: keep this value above 0.5)",
            f"{needed} failed checks of {attempts} are enough to reset a host",
            f"set {names[0]} to 0.5 or more",
            fatal=False,
        )


def _bmc(values: Mapping[str, Value]) -> Iterator[Contradiction]:
    action = float(values["outofbandmanagement.action.timeout"])
    for name, what in (("kvm.ha.recover.timeout", "reset"), ("kvm.ha.fence.timeout", "power-off")):
        if float(values[name]) < action:
            yield Contradiction(
                (name, "outofbandmanagement.action.timeout"),
                f"{name} of at least outofbandmanagement.action.timeout ({action:g} s)",
                f"{values[name]} s: a {what} that the BMC still works on counts as failed, and is sent again",
                f"raise {name} or lower outofbandmanagement.action.timeout",
            )


def _pings(values: Mapping[str, Value]) -> Iterator[Contradiction]:
    silence = float(values["ping.interval"]) * float(values["ping.timeout"])
    if float(values["ping.timeout"]) <= 1:
        yield Contradiction(
            ("ping.timeout",),
            "more than 1: it is multiplied with ping.interval, it is not seconds",
            f"{values['ping.timeout']}: a healthy host is investigated before its next ping is due",
            "set ping.timeout to 2 or more; CloudStack's own is 2.5",
        )
    elif float(values["alert.wait"]) < silence:
        yield Contradiction(
            ("alert.wait", "ping.interval", "ping.timeout"),
            f"alert.wait of at least ping.interval x ping.timeout ({silence:g} s)",
            f"{values['alert.wait']} s: a host is in Alert before its silence is long enough to be investigated",
            "raise alert.wait",
        )


def _heartbeats(values: Mapping[str, Value]) -> Iterator[Contradiction]:
    frequency = float(values["kvm.heartbeat.update.frequency"]) / 1000
    name = "kvm.heartbeat.update.frequency"
    if frequency >= HEARTBEAT_LIMIT:
        yield Contradiction(
            (name,),
            f"less than {HEARTBEAT_LIMIT:.0f} s: CloudStack takes an older heartbeat for that of a dead host, whatever"
            " is set here",
            f"a heartbeat each {frequency:g} s: between two of them a living host looks dead, and its guests may be"
            " started twice",
            f"set {name} in agent.properties to 60000 ms or less",
        )
    yield from _own_reset(values)


def _own_reset(values: Mapping[str, Value]) -> Iterator[Contradiction]:
    """An agent that cannot write its heartbeat resets its host, with all others that have the same storage (F44)."""
    reset, tries = "reboot.host.and.alert.management.on.heartbeat.timeout", "kvm.heartbeat.update.max.tries"
    timeout, pause = "heartbeat.update.timeout", "kvm.heartbeat.update.retry.sleep"
    patience = int(values[tries]) * (float(values[timeout]) + float(values[pause])) / 1000
    if values[reset] and patience < SHORTEST_STALL:
        yield Contradiction(
            (tries, timeout, pause),
            f"hosts that wait {SHORTEST_STALL:g} s or more for their storage (CloudStack's own values: 350 s)",
            f"{values[tries]} writes of {values[timeout]} ms with pauses of {values[pause]} ms: storage that stalls for"
            f" {patience:g} s, as in a failover of the NFS server, resets every host at once",
            f"raise {tries} or {timeout} in agent.properties, or set {reset} to false and leave fencing to Host HA",
            fatal=False,
        )


def _attempts(values: Mapping[str, Value]) -> Iterator[Contradiction]:
    """Guests are scheduled for restart at the first reset, and tried until the attempts are used up."""
    timing = failover(values)
    if timing.guests_at is not None or timing.recovered_at is None:
        return
    late = timing.fenced_at - timing.recovered_at
    yield Contradiction(
        ("vm.ha.migration.max.retries", "investigate.retry.interval", "time.to.sleep", "kvm.ha.recover.wait.period"),
        f"attempts to restart a guest until the host is fenced, {late:.0f} s after its reset",
        f"vm.ha.migration.max.retries {values['vm.ha.migration.max.retries']} end {attempts_window(values):.0f} s after"
        " the reset: guests of a host that the reset does not bring back stay down",
        "raise vm.ha.migration.max.retries, as the profiles fast and careful do, or shorten kvm.ha.recover.wait.period"
        " and the series of activity checks; the management servers must be restarted for the first",
        fatal=False,
    )
