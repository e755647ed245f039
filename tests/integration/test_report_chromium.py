# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real browser: nothing in its console, nothing from elsewhere, readable on a desk and on a phone,
light and dark, with and without its script; its filter; printable."""

from __future__ import annotations

import json
import struct

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import mapping_of
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import ha_report, ha_report_html
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import render

from tests.integration.chromium import PROGRAM, browser
from tests.report_samples import WAIVER, four_hosts, hundred_hosts, report, three_hundred_hosts
from tests.staged_site import hundred

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium: apt-get install chromium")
SAMPLES = {"four": four_hosts, "hundred": hundred_hosts}
PHONE = 390
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


# what a reader sees: names in the matrix, ids of the findings
SEEN = """(() => {
  const seen = selector => [...document.querySelectorAll(selector)].filter(each => each.offsetParent !== null);
  return [seen('.matrix tbody tr').map(row => row.dataset.name), seen('.finding').map(box => box.id)];
})()"""
ASK = """(() => {
  const form = document.getElementById('filter');
  form.reset();
  for (const [name, value] of Object.entries(%s)) form.elements[name].value = value;
  form.dispatchEvent(new Event('input'));
  return form.elements.count.textContent;
})()"""
TOO_WIDE = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.frame, figure')).map(e => e.outerHTML.slice(0, 80))"  # noqa: E501


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The path of a report about 300 hosts."""
    world, found = three_hundred_hosts()
    path = tmp_path_factory.mktemp("many") / "many.html"
    path.write_text(render(report(world, found, [WAIVER], report(world, found[1:])), world.profiles()))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_three_hundred_hosts_on_a_phone(tab, many, scheme):
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.open(many, width=PHONE, height=844)
    assert tab.ask("document.documentElement.scrollWidth") == PHONE
    assert tab.ask(TOO_WIDE) == []
    assert tab.ask(SMALLEST) >= 9
    assert tab.complaints() == []
    red, green, blue = tab.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (red + green + blue > 700) == (scheme == "light")
    assert len(tab.screenshot(many.with_suffix(f".{scheme}.png"))) > 50_000
    tab.call("Emulation.setEmulatedMedia", features=[])


def test_the_page_without_scripts_shows_everything(tab, many):
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(many, width=PHONE, height=844)
        names, found = tab.ask(SEEN)
        assert len(names) == 300
        assert len(found) == tab.ask("document.querySelectorAll('.finding').length") > 5
        assert tab.ask("document.getElementById('filter').offsetParent") is None
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


@pytest.fixture
def desk(tab, many):
    """The report about 300 hosts on a desk, everything shown. Opened once for all tests in a row: it is large."""
    if tab.ask("location.href") != many.as_uri() or tab.ask("innerWidth") == PHONE:
        tab.open(many)
    yield tab
    tab.ask(ASK % "{}")


@pytest.mark.parametrize(
    ("asked", "hosts", "findings"),
    [
        ({}, 300, None),
        ({"verdict": "may not join"}, 3, None),
        ({"check": "NET011"}, 3, ["NET011"]),
        ({"verdict": "member, no problem", "check": "SYS002"}, 20, ["SYS002"]),
        ({"text": "no link"}, 3, ["NET011"]),
        ({"text": "host299"}, 1, None),
        ({"text": "NO LINK", "verdict": "may join"}, 0, []),
        ({"text": "no such words"}, 0, []),
    ],
)
def test_the_filter_shows_what_is_asked_for(desk, asked, hosts, findings):
    said = desk.ask(ASK % json.dumps(asked))
    names, found = desk.ask(SEEN)
    assert len(names) == hosts
    assert said.startswith(f"{hosts} of 300 hosts, {len(found)} of ")
    if findings is not None:
        assert found == findings
    if asked:
        assert len(found) < desk.ask("document.querySelectorAll('.finding').length")
    assert desk.complaints() == []


def test_a_link_to_a_finding_that_is_filtered_out_shows_all_again(desk):
    desk.ask(ASK % json.dumps({"check": "NET011"}))
    desk.ask("location.hash = '#SYS002'")
    waited = "new Promise(done => setTimeout(() => done(document.getElementById('SYS002').offsetParent !== null), 50))"
    shown = desk.call("Runtime.evaluate", expression=waited, returnByValue=True, awaitPromise=True)["result"]["value"]
    assert shown
    assert len(desk.ask(SEEN)[0]) == 300


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


@pytest.mark.full
@pytest.mark.parametrize("width", [1280, PHONE])
def test_the_page_about_high_availability(tab, tmp_path, width):
    site, result = hundred()
    told = {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(result, site)}
    path = tmp_path / "ha.html"
    path.write_text(ha_report_html.render(ha_report.document(told, at="2026-11-30T12:00:00+00:00", by="me on here")))
    tab.open(path, width=width)
    assert tab.complaints() == []
    assert {url for url in tab.requests() if not url.startswith("data:")} == {path.as_uri()}
    assert tab.ask("document.documentElement.scrollWidth") <= width
    assert tab.ask(TOO_WIDE) == []
    assert tab.ask(SMALLEST) >= 9
    assert tab.pdf(tmp_path / "ha.pdf").count(b"/Type /Page\n") <= 4, "a hundred hosts fit on a few sheets"
