# SPDX-License-Identifier: GPL-3.0-or-later
"""The host was judged, and nothing was left on it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

REPORTS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "reports"


def test_verdict():
    report = json.loads((REPORTS / "preflight.json").read_text())
    assert report["hosts"]["host1"]["verdict"] == "pass", report["hosts"]["host1"]


def test_reports_for_readers_and_for_ci():
    assert "host1" in (REPORTS / "preflight.html").read_text()
    assert ElementTree.parse(REPORTS / "preflight.junit.xml").getroot().tag == "testsuites"


def test_no_process_and_no_file_is_left(host):
    assert not host.check_output("ls /root/.ansible/tmp 2>/dev/null || true")
    assert not host.check_output("pgrep -f [A]nsiballZ || true")
