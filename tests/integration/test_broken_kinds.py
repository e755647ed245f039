# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of broken network once: test_broken_networks.py has all of them on each back end (`make test-full`)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import backend_host, broken_networks
from tests.broken_networks import HOSTS
from tests.integration.test_broken_networks import figure, start
from tests.namespaces import missing as no_namespaces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces()),
    pytest.mark.skipif(bool(backend_host.missing()), reason=backend_host.missing()),
]


def test_a_host_survives_each_kind_of_broken_network(capsys):
    chosen = broken_networks.one_of_each_kind()
    with capsys.disabled(), ThreadPoolExecutor(max_workers=len(chosen)) as pool:
        print()
        outcomes = [one for run in start(chosen, pool).values() for one in run.outcomes()]
        print(f"one of each kind: {figure(outcomes)}")
    assert [f"{one.row.kind}: {one.wrong}" for one in outcomes if one.wrong or one.lost] == []


def test_no_kind_is_left_out():
    every = {row.kind for backend in HOSTS for row in broken_networks.rows(backend)}
    assert {row.kind for rows in broken_networks.one_of_each_kind().values() for row in rows} == every
