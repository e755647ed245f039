# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: what it says, that it needs nothing from elsewhere, and that every reader can read it. Its script is tried
in tests/integration/test_report_chromium.py.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import report_html
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import render

from tests.report_samples import WAIVER, finding, four_hosts, healthy, hundred_hosts, report

VOID = {"meta", "link", "rect", "path", "col", "input", "wbr"}


class Page(HTMLParser):
    """Elements with their attributes and text, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.text, self.elements, self.open = text, [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "parents": [each["tag"] for each in self.open], **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", "parents": [each["tag"] for each in self.open], **dict(attrs)})

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, (
            f"</{tag}> closes <{self.open[-1]['tag'] if self.open else ''}>"
        )
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data + " "

    def all(self, tag, **attributes):
        return [
            each
            for each in self.elements
            if each["tag"] == tag and all(each.get(name.rstrip("_")) == value for name, value in attributes.items())
        ]

    def one(self, tag, **attributes):
        (found,) = self.all(tag, **attributes)
        return found


def words(element):
    return " ".join(element["text"].split())


def page_of(world, found, waivers=(), previous=None):
    return Page(render(report(world, found, waivers, previous), world.profiles()))


WORLD, FOUND = four_hosts()


@functools.cache
def four():
    """The page of four hosts."""
    return page_of(WORLD, FOUND, [WAIVER], report(WORLD, FOUND[1:]))


@functools.cache
def hundred():
    """The page of a hundred hosts: made once, and only where a test looks at it."""
    return page_of(*hundred_hosts(), [WAIVER])


def empty():
    """The page of no host."""
    return page_of(healthy(0, 0), [])


@pytest.mark.parametrize("made", [four, hundred, empty], ids=["four", "hundred", "empty"])
def test_the_page_is_whole_and_needs_nothing_else(made):
    page = made()
    assert page.open == []
    for element in page.elements:
        assert not [name for name in element if name.startswith("on")]
        assert not element.get("src")
        assert (element.get("href") or "#").startswith(("#", "data:,"))
    assert not re.search(r"url\(|@import|https?://(?!<|&lt;)", page.text)
    assert "default-src 'none'" in page.text


def scripts(page):
    """The texts of all scripts, as a browser hashes them."""
    return re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)


@pytest.mark.parametrize("made", [four, hundred], ids=["four", "hundred"])
def test_no_script_runs_but_the_one_of_the_policy(made):
    page = made()
    [script] = scripts(page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.text
    assert page.text.count("script-src") == 1
    assert "unsafe-inline" not in page.text.partition("script-src")[2].partition(">")[0]


def test_without_a_script_everything_is_shown_and_no_filter():
    hidden = [each for each in four().elements if "hidden" in each]
    assert [each["tag"] for each in hidden] == ["form"]


@pytest.mark.parametrize("made", [four, hundred], ids=["four", "hundred"])
def test_ids_are_unique_and_links_lead_somewhere(made):
    page = made()
    ids = [each["id"] for each in page.elements if each.get("id")]
    assert len(ids) == len(set(ids))
    assert {each["href"][1:] for each in page.all("a")} <= set(ids)


@pytest.mark.parametrize("made", [four, hundred], ids=["four", "hundred"])
def test_a_screen_reader_finds_its_way(made):
    page = made()
    levels = [int(each["tag"][1]) for each in page.elements if re.fullmatch("h[1-6]", each["tag"])]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert all(each.get("scope") for each in page.all("th"))
    assert all(each.get("role") == "img" and each.get("aria-label") for each in page.all("svg"))
    assert page.one("html")["lang"] == "en"
    assert page.all("main")


def test_verdicts_stand_at_the_top():
    headline = [
        words(each)
        for each in four().elements
        if each["tag"] == "li" and (each.get("class") or "") in ("pass", "error")
    ]
    assert headline == ["✗ 1 of 1 candidate may not join", "✓ 3 of 3 members without problems"]
    first = words(four().all("table")[0])
    assert re.search("may not join host4 TIM001 .* MTU001 .* NET001 ", first)
    assert "member, no problem host[1-3] (3) no error" in first


def cells(page, host):
    """Letter and class by check id, of a host's row of the matrix."""
    table = page.text[page.text.index('<table class="matrix"') :]
    checks = re.findall(r'<th scope="col"[^>]*><span>(\w+)</span>', table)
    row = re.search(rf'<tr[^>]*><th scope="row"[^>]*title="{host}: [^>]*>.*?</tr>', table, re.DOTALL)[0]
    found = [(re.sub("<.*?>", "", inner), name) for name, inner in re.findall(r'<td class="(\w+)">(.*?)</td>', row)]
    return dict(zip(checks, found, strict=True))


def test_the_matrix_can_be_read_without_colour():
    row = cells(four(), "host4")
    assert row["TIM001"] == ("B", "blocker")
    assert row["NET001"] == ("E", "error")
    assert row["SYS002"] == ("W", "warning")
    assert row["BMC002"] == ("?", "warning")
    assert row["MEM002"] == ("≠", "warning")
    assert row["CPU001"] == ("·", "pass")
    assert cells(four(), "host1")["CLD004"] == ("i", "info")
    assert cells(four(), "host2")["CPU005"] == ("v", "waived")


def test_nothing_is_asked_of_a_host_that_was_not_seen():
    made = report(WORLD, FOUND)
    made["hosts"]["host3"]["seen"] = False
    page = Page(render(made, WORLD.profiles()))
    assert cells(page, "host4")["CPU001"] == ("·", "pass")
    assert {letter for letter, name in cells(page, "host3").values() if name == "none"} == {""}


def verdict_of(number):
    return "member, has problems" if number <= 90 else "may not join"


def test_the_worst_hosts_come_first():
    rows = [each["title"] for each in hundred().all("th") if each.get("title") and each["scope"] == "row"]
    assert len(rows) == 100
    assert rows[:8] == [f"host{number}: {verdict_of(number)}" for number in (5, 91, 92, 93, 94, 98, 99, 100)]


def test_a_finding_has_all_that_an_operator_needs():
    said = words(four().one("article", id="TIM001"))
    for part in (
        "blocker TIM001 Clocks differ 1 host",
        "an offset below 1.0 s to every host compared with host[1-3]",
        "86400.2 s ahead of host1, host2 and host3",
        "Fix install chrony",
        "Reproduce chronyc tracking",
        "F66 Clock more than 12 hours behind. CloudStack says: Unable to add the host",
        "(470 s)",
        "F45 Clock skew. CloudStack says nothing: neighbours take a live host for dead",
    ):
        assert part in said


def test_a_finding_has_the_page_of_its_check_folded_in():
    about = next(each for each in four().all("details", class_="about") if "clock_offset_max_s" in each["text"])
    assert "article" in about["parents"]
    said = words(about)
    assert said.startswith("About this check No two hosts' clocks differ by more than clock_offset_max_s.")
    assert "judges all hosts of the cluster together" in said
    assert "severity error: keeps a host out, unless waived" in said


def test_lists_and_code_of_a_check_page_are_lists_and_code():
    article = four().one("article", id="CPU004")
    inside = [
        each
        for each in four().elements
        if "article" in each["parents"] and words(each) and each["tag"] in ("li", "code")
    ]
    assert any(each["tag"] == "li" and "guests get QEMU's default CPU" in words(each) for each in inside)
    assert any(each["tag"] == "code" and words(each) == "virsh hypervisor-cpu-compare" for each in inside)
    assert "`" not in article["text"]


def test_what_is_found_without_a_check_has_no_page():
    page = page_of(healthy(0, 1), [finding("CPU005", ["host1"])])
    assert page.all("details", class_="about")
    made = report(healthy(0, 1), [])
    made["findings"] = [{**report(healthy(0, 1), [finding("CPU005", ["host1"])])["findings"][0], "id": "WAI001"}]
    made["checks"]["WAI001"] = {"title": "expired", "severity": "error", "scope": "host", "area": "preflight"}
    assert not Page(render(made, healthy(0, 1).profiles())).all("details", class_="about")


def test_hosts_with_the_same_cause_are_told_once():
    said = words(hundred().one("article", id="NET011"))
    assert "host[98-100] (3)" in said
    assert said.count("eth1 of cloudbr1 has no link") == 1
    assert words(hundred().one("article", id="TIM001")).count("behind host1") == 4


def test_what_is_waived_stands_apart_with_reason_owner_and_end():
    said = words(four().one("article", id="CPU005-waived"))
    assert "waived CPU005" in said
    assert "firmware update is in change 4711 (owner bob, until 2026-12-31, host2)" in said
    assert not four().all("article", id="CPU005")


def test_a_waiver_without_a_finding_is_told():
    assert "no: can be removed" in page_of(WORLD, [], [WAIVER]).text


def test_differences_and_changes():
    text = words(four().one("main"))
    assert "cpu.model AMD EPYC (3) host4 AMD EPYC 7302P" in text
    assert "Changes since 2026-11-25 10:00:00 UTC" in text
    assert re.search(r"new error NET001 A traffic label has no bridge host4", text)
    assert "No verdict and no finding has changed" in page_of(WORLD, FOUND, [], report(WORLD, FOUND)).text


def test_pictures_show_the_faults():
    svg = four().all("svg")[0]
    assert svg["aria-label"] == "Network of host4"
    assert "cloudbr1missingNET001" in re.sub(r"\s", "", svg["text"])
    assert [each["class"] for each in four().all("g") if "missing" in each["class"]] == ["s-error missing"]
    assert len(hundred().all("svg")) == 2


def test_what_hosts_say_is_text_and_not_markup():
    nasty = "<script>alert(1)</script>\" onload='x"
    world = healthy(0, 1).edit({"host1": {"facts.os.kernel": nasty, "facts.interfaces[eth0].driver": nasty}})
    page = page_of(
        world,
        [
            finding(
                "SYS002", ["host1"], observed=nasty, evidence=nasty + "\nmore", title=nasty, fix=nasty, reproduce=nasty
            )
        ],
    )
    assert page.open == []
    assert len(page.all("script")) == 1
    assert nasty in page.one("article", id="SYS002")["text"]


def test_many_causes_of_one_check_are_folded():
    world = healthy(0, 30)
    page = page_of(
        world, [finding("TIM001", [host.name], observed=f"{index} s") for index, host in enumerate(world.profiles())]
    )
    assert "18 more" in words(page.one("article", id="TIM001"))


def luminance(colour):
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    return sum(
        weight * (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4)
        for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
    )


def test_contrast_of_every_tag_is_that_of_wcag_aa():
    style = (Path(report_html.__file__).with_name("report.css")).read_text()
    pairs = re.findall(r"^\.(\w+) \{ color: (#\w{6}); background: (#\w{6}); \}", style, re.MULTILINE)
    names = ["blocker", "error", "warning", "info", "pass", "waived", "none"]
    assert [name for name, _ink, _paper in pairs] == names * 2  # light, dark
    for name, ink, paper in pairs:
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_contrast_of_text_in_both_schemes():
    style = (Path(report_html.__file__).with_name("report.css")).read_text()
    schemes = re.findall(r"^:root \{(.*?)\}", style, re.MULTILINE | re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([\w-]+): (#\w{6})", scheme))
        for paper in ("paper", "wash", "box", "error-box", "blocker-box", "warning-box", "info-box"):
            for ink in ("ink", "soft", "link") if paper in ("paper", "wash") else ("ink", "soft"):
                light, dark = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def path_check_page(world, paths):
    made = {**report(world, []), "complete": False, "paths": paths}
    return Page(render(made, world.profiles()))


def test_a_path_check_says_nothing_about_joining():
    network = {
        "name": "cloudbr0",
        "size": 1500,
        "hosts": 4,
        "pairs": 6,
        "passed": 6,
        "round_trip_ms": 0.1,
        "shows": "hosts",
    }
    tested = path_check_page(healthy(), {"networks": [{**network, "names": ["host1"], "rows": ["·"]}], "culprits": []})
    untested = path_check_page(healthy(), None)
    for page in (tested, untested):
        assert not re.search(r"may (not )?join|candidate|Verdict valid", words(page.one("body")))
        assert "has problems" not in words(page.all("table")[0]) and "no problem" in words(page.all("table")[0])
    assert "✗ No path was tested" in words(untested.one("body"))


def test_no_figure_is_empty():
    network = {"name": "cloudbr0", "size": 1500, "hosts": 80, "pairs": 6, "passed": 6, "round_trip_ms": None}
    shown = {**network, "shows": "hosts with problems", "names": [], "rows": []}
    page = path_check_page(healthy(), {"networks": [shown], "culprits": []})
    assert "cloudbr0: 6 of 6 pairs pass at 1500 bytes, no pair has a problem." in words(page.one("body"))
    bare = healthy(0, 1).edit(
        {"host1": {"facts.interfaces": None, "declared.bridges": None}, "cluster": {"labels": {}}}
    )
    without = Page(render(report(bare, []), bare.profiles()))
    assert "host1: no interface, bridge or traffic label is known." in words(without.one("body"))
    for each in (page, without):
        figures = [
            [inner["tag"] for inner in each.elements if "figure" in inner["parents"]] for _figure in each.all("figure")
        ]
        assert all({"svg", "table"} & set(inside) for inside in figures)
