# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.contract [--commands] [TOPIC ...]: the figures by topic (and by command), and what differs in these
topics."""

from __future__ import annotations

import sys
from collections import Counter

from tests.contract.replay import verdicts_of_all


def main() -> None:
    verdicts = list(verdicts_of_all())
    for key in ("topic", "command") if "--commands" in sys.argv[1:] else ("topic",):
        asked = Counter(getattr(verdict.exchange, key) or "(none)" for verdict in verdicts)
        answered = Counter(getattr(verdict.exchange, key) or "(none)" for verdict in verdicts if verdict.good)
        for name in asked if key == "topic" else sorted(asked):
            print(f"{name}: {answered[name]} of {asked[name]}")
    for verdict in verdicts:
        if not verdict.good and verdict.exchange.topic in sys.argv[1:]:
            print(
                f"  {verdict.exchange.place} | {verdict.exchange.command} | "
                f"{'; '.join(verdict.reasons) or 'asks for an unknown id'}"[:400]
            )
    good = sum(verdict.good for verdict in verdicts)
    print(f"{good} of {len(verdicts)} answered as the real server, {100 * good / len(verdicts):.1f} %")


main()
