# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What would a host's own firewall do with a new connection? Read from its nftables rules, without sending a packet.

The rules are followed as the kernel follows them: hook by hook, base chains by priority, jumps, verdict maps, policies.
Where a rule asks for what is not known here (an xt match of iptables, whose parameters nft does not tell; a rate; a
mark), both ways are followed. If they end differently the answer is `unknown`: it is never guessed. Rules of
iptables-legacy are not in nft's list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Optional, Union

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.nft_match import (
    Connection,
    Rules,
    elements,
    field_of,
    is_one_of,
    matches,
    value_of,
)

ACCEPT, DROP, REJECT, UNKNOWN = "accept", "drop", "reject", "unknown"
# What a rule or chain may do besides: go on with the next rule, or go back to the rule after the jump.
NEXT, BACK = "next", "back"
# verdict -> the rule that gives it. More than one entry: what is known does not decide between them.
Outcome = dict[str, str]
ChainKey = tuple[str, str, str]

HOOKS = ("prerouting", "input")
JUMPS_MAX = 16  # NFT_JUMP_STACK_SIZE of the kernel
PASSIVE = ("counter", "log", "ct helper", "ct timeout", "secmark")
CONDITIONS = ("limit", "quota", "ct count", "set", "meter", "last")
XT_PASSIVE = ("LOG", "NFLOG", "TRACE", "MARK", "CONNMARK", "CLASSIFY", "CHECKSUM")
REASONS_SHOWN = 3


@dataclass(frozen=True)
class Decision:
    """accept, drop (or one of drop and reject), reject or unknown, and the rules that decided; for unknown what could
    not be understood.
    """

    verdict: str
    evidence: str


def decide(ruleset: Any, connection: Connection) -> Decision:
    """The verdict of a ruleset: the list under "nftables" of `nft -j list ruleset`. Anything that is not understood is
    unknown.
    """
    walk = _Walk(connection)
    if not connection.version:
        return Decision(UNKNOWN, f"{connection.source!r} is not an address")
    if not walk.read(ruleset):
        return Decision(UNKNOWN, walk.reasons[0])
    final: Outcome = {}
    accepted = []
    # In which order chains of one priority run depends on when they were loaded.
    for _order, chains in groupby(sorted(walk.bases, key=lambda base: base[0]), key=lambda base: base[0]):
        outcomes = [walk.base_chain(key, policy) for _order, key, policy in chains]
        accepted += [outcome.pop(ACCEPT, "") for outcome in outcomes]
        for outcome in outcomes:
            final = {**outcome, **final}
        if not all(accepted):
            break
    if all(accepted):
        final[ACCEPT] = "; ".join(accepted) or "no chain looks at what comes in"
    return _decision(final, walk.reasons)


def _decision(final: Outcome, reasons: list[str]) -> Decision:
    if set(final) == {DROP, REJECT}:  # closed in either case
        return Decision(DROP, f"{final[DROP]} or {final[REJECT]}")
    verdict = next(iter(final)) if len(final) == 1 else UNKNOWN
    return Decision(verdict, "; ".join(reasons[:REASONS_SHOWN]) if verdict == UNKNOWN else final[verdict])


@dataclass
class _Walk:
    """One connection's way through one ruleset. `reasons` are what was not understood or not known."""

    connection: Connection
    reasons: list[str] = field(default_factory=list)
    rules: dict[ChainKey, list[Any]] = field(default_factory=dict)
    sets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    bases: list[tuple[tuple[bool, int, int], ChainKey, Any]] = field(default_factory=list)
    known: dict[ChainKey, Outcome] = field(default_factory=dict)
    open: set[ChainKey] = field(default_factory=set)

    def read(self, ruleset: Any) -> bool:
        """Sort the objects of the list. False where one is anything else."""
        if not isinstance(ruleset, list) or not all(
            isinstance(entry, Mapping) and len(entry) == 1 for entry in ruleset
        ):
            self.reasons.append("the ruleset is not a list of nft's objects")
            return False
        return all(self._read_one(kind, body) for entry in ruleset for kind, body in entry.items())

    def _read_one(self, kind: Any, body: Any) -> bool:
        if kind not in ("chain", "rule", "set", "map"):
            return True
        parts = ("family", "table", "chain" if kind == "rule" else "name")
        if not isinstance(body, Mapping) or not all(isinstance(body.get(part), str) for part in parts):
            self.reasons.append(f"a {kind} without family, table or name is not understood")
            return False
        family, table, name = (body[part] for part in parts)
        if kind in ("set", "map"):
            self.sets.setdefault((family, table), {})[name] = body.get("elem", [])
            return True
        chain = self.rules.setdefault((family, table, name), [])
        if kind == "rule":
            chain.append(body.get("expr"))
        return kind == "rule" or "hook" not in body or self._read_base((family, table, name), body)

    def _read_base(self, key: ChainKey, body: Mapping[str, Any]) -> bool:
        hook, prio = body["hook"], body.get("prio")
        if hook not in HOOKS or key[0] not in ("bridge", "inet", {4: "ip", 6: "ip6"}[self.connection.version]):
            return True
        if not isinstance(prio, int):
            self.reasons.append(f"chain {' '.join(key)} without a priority is not understood")
            return False
        # A frame passes all of the bridge's hooks before it becomes a packet.
        self.bases.append(((key[0] != "bridge", HOOKS.index(hook), prio), key, body.get("policy", ACCEPT)))
        return True

    def base_chain(self, key: ChainKey, policy: Any) -> Outcome:
        """The verdicts that a base chain may give."""
        outcome = dict(self._chain(key))
        if outcome.pop(BACK, None) is not None:
            known = policy in (ACCEPT, DROP)
            outcome.update(
                {policy: f"policy {policy} of chain {' '.join(key)}"}
                if known
                else self._not_understood(f"policy {policy!r}")
            )
        return outcome

    def _chain(self, key: ChainKey) -> Outcome:
        if key not in self.rules or key in self.open or len(self.open) >= JUMPS_MAX:
            return self._not_understood(f"a jump to chain {' '.join(key)}")
        if key not in self.known:
            self.open.add(key)
            self.known[key] = self._run(key)
            self.open.discard(key)
        return self.known[key]

    def _run(self, key: ChainKey) -> Outcome:
        possible: Outcome = {}
        for number, statements in enumerate(self.rules[key], 1):
            outcome = self._rule(key, f"rule {number} of chain {' '.join(key)}", statements)
            goes_on = outcome.pop(NEXT, None) is not None
            possible = {**outcome, **possible}
            if not goes_on:
                return possible
        return {**possible, BACK: ""}

    def _rule(self, key: ChainKey, where: str, statements: Any) -> Outcome:
        possible: Outcome = {}
        if not isinstance(statements, list) or not all(
            isinstance(each, Mapping) and len(each) == 1 for each in statements
        ):
            return {NEXT: "", **self._not_understood(where)}
        for statement in statements:
            ((kind, body),) = statement.items()
            holds = self._holds(key, kind, body)
            if holds is False:
                return {NEXT: ""}
            if holds is None:
                self.reasons.append(f"{where}: whether {_words(kind, body)} holds is not known")
                possible[NEXT] = ""
            elif holds is not True:
                if kind == REJECT and self._may_be_for_the_other_family(key, statements, body):
                    self.reasons.append(f"{where}: nft does not tell whether it is for IPv{self.connection.version}")
                    possible[NEXT] = ""
                return {**possible, **self._effect(key, where, kind, body)}
        return {**possible, NEXT: ""}

    def _may_be_for_the_other_family(self, key: ChainKey, statements: list, body: Any) -> bool:
        """nft (seen with 1.0.6) lists "meta nfproto ipv6 reject with tcp reset" without its condition."""
        looked_at = [
            field_of(each["match"].get("left"))[0] for each in statements if isinstance(each.get("match"), Mapping)
        ]
        answers_tcp = isinstance(body, Mapping) and body.get("type") == "tcp reset"
        return (
            answers_tcp
            and key[0] in ("inet", "bridge")
            and not {"ip", "ip6"} & {name for name in looked_at if isinstance(name, str)}
        )

    def _holds(self, key: ChainKey, kind: Any, body: Any) -> Union[bool, None, str]:
        """Whether a condition holds, None if that is not known, "effect" for a statement that is not a condition."""
        if kind == "match":
            return matches(self.connection, self._around(key), body)
        if kind in CONDITIONS:
            return None
        xt = (body.get("type"), body.get("name")) if kind == "xt" and isinstance(body, Mapping) else (None, None)
        if xt[0] == "match":
            return True if xt[1] == "comment" else None
        # No answer depends on marks: they count as not known.
        changes_a_mark = kind == "mangle" and _what_is_set(body) in ("meta", "ct")
        return True if kind in PASSIVE or changes_a_mark or xt[1] in XT_PASSIVE else "effect"

    def _effect(self, key: ChainKey, where: str, kind: Any, body: Any) -> Outcome:
        if (
            kind == REJECT
            and isinstance(body, Mapping)
            and body.get("type") == {4: "icmpv6", 6: "icmp"}[self.connection.version]
        ):
            return {NEXT: ""}  # nft leaves out "meta nfproto ipv6" where the kind of the answer implies it
        if (
            kind == REJECT
            and isinstance(body, Mapping)
            and body.get("type") == "tcp reset"
            and self.connection.protocol != "tcp"
        ):
            return {NEXT: ""}
        if kind in (ACCEPT, DROP, REJECT):
            return {kind: where}
        if kind in ("return", "continue"):
            return {BACK if kind == "return" else NEXT: ""}
        if isinstance(body, Mapping) and kind == "xt" and body.get("name") == "REJECT":
            return {REJECT: where}
        if isinstance(body, Mapping) and kind in ("jump", "goto") and isinstance(body.get("target"), str):
            outcome = dict(self._chain((key[0], key[1], body["target"])))
            if kind == "jump" and outcome.pop(BACK, None) is not None:
                outcome[NEXT] = ""
            return outcome
        if isinstance(body, Mapping) and kind == "vmap":
            return self._verdict_map(key, where, body)
        return {NEXT: "", **self._not_understood(f"{where}: {_words(kind, body)}")}

    def _verdict_map(self, key: ChainKey, where: str, body: Mapping[str, Any]) -> Outcome:
        value, listed = (
            value_of(self.connection, self._around(key), body.get("key")),
            elements(self._around(key), body.get("data")),
        )
        possible: Outcome = {}
        for pair in [None] if listed is None else listed:
            effect: Optional[tuple[Any, Any]] = _single(pair[1]) if isinstance(pair, list) and len(pair) == 2 else None
            if pair is None or effect is None or effect[0] == "vmap":
                return {NEXT: "", **self._not_understood(f"{where}: a verdict map")}
            holds: Optional[bool] = is_one_of(value, pair[0])
            if holds is None:
                self.reasons.append(f"{where}: the key of a verdict map is not known")
            if holds is not False:
                possible = {**self._effect(key, where, *effect), **possible}
            if holds:
                return possible
        return {**possible, NEXT: ""}

    def _around(self, key: ChainKey) -> Rules:
        return Rules(key[0], self.sets.get(key[:2], {}))

    def _not_understood(self, what: str) -> Outcome:
        self.reasons.append(f"{what} is not understood")
        return {UNKNOWN: what}


def _single(statement: Any) -> Optional[tuple[Any, Any]]:
    return next(iter(statement.items())) if isinstance(statement, Mapping) and len(statement) == 1 else None


def _what_is_set(body: Any) -> Any:
    found = _single(body.get("key")) if isinstance(body, Mapping) else None
    return found[0] if found else None


def _words(kind: Any, body: Any) -> str:
    parts = body if isinstance(body, Mapping) else {}
    if kind == "match":
        left = _single(parts.get("left"))
        names = left[1] if left and isinstance(left[1], Mapping) else {}
        first = left[0] if left else "a comparison"
        words = [first, names.get("protocol"), names.get("field"), names.get("key")]
    else:
        words = [kind, parts.get("type"), parts.get("name")]
    return " ".join(str(word) for word in words if word)
