# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.contract [--commands] [TOPIC ...]: the figures by topic (and by command), and what differs in these topics."""

from __future__ import annotations

import sys
from collections import Counter

from tests.contract.recordings import TOPICS, load
from tests.contract.replay import Replay


def main() -> None:
    replay, total, good = Replay(), 0, 0
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for topic in TOPICS:
        verdicts = replay.run(load(topic))
        total, good = total + len(verdicts), good + sum(verdict.good for verdict in verdicts)
        asked.update(verdict.exchange.command or "(none)" for verdict in verdicts)
        answered.update(verdict.exchange.command or "(none)" for verdict in verdicts if verdict.good)
        print(f"{topic}: {sum(verdict.good for verdict in verdicts)} of {len(verdicts)}")
        for verdict in verdicts if topic in sys.argv[1:] else ():
            if not verdict.good:
                print(f"  {verdict.exchange.place} | {verdict.exchange.command} | {'; '.join(verdict.reasons) or 'asks for an unknown id'}"[:400])
    for command in sorted(asked) if "--commands" in sys.argv[1:] else ():
        print(f"  {command}: {answered[command]} of {asked[command]}")
    print(f"{good} of {total} answered as the real server")


main()
