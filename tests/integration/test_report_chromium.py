# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real browser: nothing in its console, nothing from elsewhere, readable at 1280 pixels,
printable."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import render

from tests.integration.chromium import PROGRAM, browser
from tests.report_samples import WAIVER, four_hosts, hundred_hosts, report

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium: apt-get install chromium")
SAMPLES = {"four": four_hosts, "hundred": hundred_hosts}
SMALLEST = "Math.min(...[...document.querySelectorAll('body *')].filter(e => e.innerText && e.offsetParent).map(e => parseFloat(getComputedStyle(e).fontSize)))"  # noqa: E501
CUT_OFF = "[...document.querySelectorAll('svg g')].filter(g => [...g.querySelectorAll('text')].some(t => t.getBBox().width > 170)).map(g => g.textContent)"  # noqa: E501
STAYS = """(() => {
  const frame = document.querySelector('.frame');
  frame.scrollTop = 400;
  return [frame.scrollTop, frame.querySelector('thead th').getBoundingClientRect().top - frame.getBoundingClientRect().top];
})()"""  # noqa: E501


@pytest.fixture(scope="module")
def tab():
    with browser() as running:
        yield running


@pytest.fixture(params=SAMPLES)
def page(request, tab, tmp_path):
    """A report, opened at 1280 pixels."""
    world, found = SAMPLES[request.param]()
    path = tmp_path / f"{request.param}.html"
    path.write_text(render(report(world, found, [WAIVER], report(world, found[1:])), world.profiles()))
    tab.open(path)
    return tab, path


def test_the_page_in_a_browser(page):
    tab, path = page
    assert tab.complaints() == []
    assert {url for url in tab.requests() if not url.startswith("data:")} == {path.as_uri()}
    assert tab.ask("document.documentElement.scrollWidth") <= 1280
    assert tab.ask(SMALLEST) >= 9
    assert tab.ask(CUT_OFF) == []
    picture = tab.screenshot(path.with_suffix(".png"))
    assert struct.unpack(">I", picture[16:20]) == (1280,)
    assert len(picture) > 50_000


def test_the_header_of_a_long_matrix_stays(page):
    tab, path = page
    scrolled, distance = tab.ask(STAYS)
    assert abs(distance) <= 2
    assert scrolled == (400 if path.stem == "hundred" else 0)


def test_the_page_on_paper(page):
    tab, path = page
    paper = tab.pdf(path.with_suffix(".pdf"))
    assert paper.startswith(b"%PDF")
    assert 3 <= paper.count(b"/Type /Page\n") <= 25
    assert tab.complaints() == []
