# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.contract [TOPIC ...]: the figures, and what differs in these topics."""

from __future__ import annotations

import sys

from tests.contract.recordings import TOPICS, load
from tests.contract.replay import Replay


def main() -> None:
    replay, total, good = Replay(), 0, 0
    for topic in TOPICS:
        verdicts = replay.run(load(topic))
        total, good = total + len(verdicts), good + sum(verdict.good for verdict in verdicts)
        print(f"{topic}: {sum(verdict.good for verdict in verdicts)} of {len(verdicts)}")
        for verdict in verdicts if topic in sys.argv[1:] else ():
            if not verdict.good:
                print(f"  {verdict.exchange.place} | {verdict.exchange.command} | {'; '.join(verdict.reasons) or 'asks for an unknown id'}"[:400])
    print(f"{good} of {total} answered as the real server")


main()
