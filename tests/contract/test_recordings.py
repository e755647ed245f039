# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator answers as real 4.22.1.0 servers did, in all that was recorded of them."""

from __future__ import annotations

import re
from pathlib import Path

from lab.simulator.registry import COMMANDS
from lab.simulator.table import commands
from tests.contract.differs_on_purpose import REASONS, reason
from tests.contract.recordings import FOLDER, REAL_HOSTS, TOPICS

PLUGINS = Path(__file__).parents[2] / "plugins"
SHARE = 98.4  # per cent of all exchanges that must be told the same; what differs on purpose counts as different


def called_by_the_product() -> set[str]:
    """Commands whose names stand in the product's sources."""
    source = "\n".join(path.read_text() for path in PLUGINS.rglob("*.py"))
    # cloudstack/plan/oobm.py and host_ha.py make names of a verb and a noun
    nouns = ("OutOfBandManagementForHost", "HAForHost", "HAForCluster", "HAForZone")
    made = {f"{verb}{noun}" for verb in ("enable", "disable") for noun in nouns}
    return (set(re.findall(r'"([a-z]\w+)"', source)) | made) & set(commands()) - {"login", "logout"}  # words of SSH too


def test_product_calls_are_found():
    assert {
        "listZones",
        "createZone",
        "addHost",
        "listHosts",
        "configureOutOfBandManagement",
        "queryAsyncJobResult",
    } <= called_by_the_product()


def test_what_the_product_calls_is_simulated():
    assert not called_by_the_product() - set(COMMANDS)


def test_every_recording_is_replayed():
    replayed = {f"{topic}.json" for topic in TOPICS} | {path.name for path in FOLDER.glob(f"{REAL_HOSTS}-*.json")}
    assert {path.name for path in FOLDER.glob("*.json")} <= replayed


def test_what_differs_has_a_reason(verdicts):
    wrong = [
        f"{verdict.exchange.place}: {'; '.join(verdict.reasons) or 'asks for something that no recorded answer gave'}"
        for verdict in verdicts
        if not verdict.good and not reason(verdict.exchange.topic, verdict.exchange.name)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_differs_on_purpose_still_does(verdicts):
    different = {(verdict.exchange.topic, verdict.exchange.name) for verdict in verdicts if not verdict.good}
    assert set(REASONS) == different
    assert all(len(text) > 20 for text in REASONS.values())


def test_share(verdicts, capsys):
    good = sum(verdict.good for verdict in verdicts)
    share = 100 * good / len(verdicts)
    with capsys.disabled():
        print(
            f"\ncontract: {good} of {len(verdicts)} exchanges are told as the real servers told them: {share:.1f} %; "
            "the others differ on purpose"
        )
    assert share >= SHARE
