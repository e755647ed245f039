# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator answers as a real 4.22.1.0 server did: everything that the product calls, and authentication, validation, paging, errors, jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.simulator.table import commands
from tests.contract.compare import read
from tests.contract.differs_on_purpose import REASONS, reason
from tests.contract.recordings import TOPICS, Exchange, load
from tests.contract.replay import Replay, Verdict

PLUGINS = Path(__file__).parents[2] / "plugins"
# What holds for every call, whatever the command.
GENERAL = ("auth", "validation", "jobs")


def called_by_the_product() -> set[str]:
    """Commands whose names stand in the product's sources."""
    source = "\n".join(path.read_text() for path in PLUGINS.rglob("*.py"))
    # cloudstack/plan/oobm.py makes two names of a verb and a noun
    made = {f"{verb}OutOfBandManagementForHost" for verb in ("enable", "disable")}
    return (set(re.findall(r'"([a-z]\w+)"', source)) | made) & set(commands())


@pytest.fixture(scope="module")
def verdicts() -> Iterator[list[Verdict]]:
    """Every recorded exchange, asked in order."""
    replay = Replay()
    yield [verdict for topic in TOPICS for verdict in replay.run(load(topic))]
    replay.close()


@pytest.fixture(scope="module")
def starters() -> dict[str, str]:
    """jobid -> the command that started the job."""
    return {body["jobid"]: exchange.command or "" for exchange, body in _answers() if "jobid" in body and exchange.command != "queryAsyncJobResult"}


def _answers() -> Iterator[tuple[Exchange, dict]]:
    for topic in TOPICS:
        for exchange in load(topic):
            body = read(exchange.body)
            inner = next(iter(body.values()), None) if isinstance(body, dict) else None
            if isinstance(inner, dict):
                yield exchange, inner


def _required(exchange: Exchange, starters: dict[str, str]) -> bool:
    command = starters.get(exchange.params.get("jobid", ""), exchange.command)
    return exchange.topic in GENERAL or command in called_by_the_product()


def test_product_calls_are_found():
    assert {"listZones", "createZone", "addHost", "listHosts", "configureOutOfBandManagement", "queryAsyncJobResult"} <= called_by_the_product()


def test_every_answer_that_matters_is_that_of_the_real_server(verdicts, starters):
    wrong = [
        f"{verdict.exchange.place}: {'; '.join(verdict.reasons) or 'asks for something that no recorded answer gave'}"
        for verdict in verdicts
        if not verdict.good and _required(verdict.exchange, starters) and not reason(verdict.exchange.topic, verdict.exchange.name)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_differs_on_purpose_still_does(verdicts):
    good = {(verdict.exchange.topic, verdict.exchange.name) for verdict in verdicts if verdict.good}
    known = {(verdict.exchange.topic, verdict.exchange.name) for verdict in verdicts}
    assert not good & set(REASONS)
    assert set(REASONS) <= known
    assert all(len(text) > 20 for text in REASONS.values())


def test_figure(verdicts, starters, capsys):
    """The figure is for people; what must hold is asserted above."""
    required = [verdict for verdict in verdicts if _required(verdict.exchange, starters)]
    good = sum(verdict.good for verdict in required)
    purpose = len(REASONS)
    others = len(verdicts) - len(required)
    with capsys.disabled():
        print(f"\ncontract: {sum(verdict.good for verdict in verdicts)} of {len(verdicts)} answered as the real server")
        print(f"contract: {good} of {len(required)} that the product relies on; {purpose} differ on purpose, {others} are calls it never makes")
    assert good + purpose >= len(required)
