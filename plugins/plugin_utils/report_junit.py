# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report for a CI server: a test suite for each host, a test case for each check.

What keeps a host out fails the case, or is its error where it could not be determined; what is waived, or unknown
without keeping the host out, is skipped; the rest passes and says what it has to say in system-out. A case is named so
that it reads right when it passes too: the titles of the checks name problems.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as xml

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import UNKNOWN
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural

# XML 1.0 has no way to write these, and output of a host's commands may hold them.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Mapping[str, Any], *, name: str = "", group: str = "") -> str:
    """The XML. `report` is a document of report_json.py, or has the same hosts, checks and findings; then it has a
    `name`, and its cases a `group`, of its own."""
    findings: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for finding in report["findings"]:
        for host in finding["hosts"]:
            findings.setdefault((host, finding["id"]), []).append(finding)
    subject = group or ("preflight" if report["complete"] else "path_check")
    root = xml.Element("testsuites", name=name or ("pre-flight" if report["complete"] else "path check"))
    for host in sorted(report["hosts"], key=natural):
        suite = xml.SubElement(root, "testsuite", name=xml_text(host), timestamp=report["created_at"], time="0")
        for check, declared in report["checks"].items():
            case = add_case(suite, f"{subject}.{declared['area']}", f"{check} should not find: {declared['title']}")
            _tell_all(case, findings.get((host, check), ()))
            if len(case) == 0 and not report["hosts"][host]["seen"]:
                xml.SubElement(case, "skipped", message="the host was not inspected")
        count(suite)
    return written(root)


def written(root: xml.Element) -> str:
    """The file."""
    return '<?xml version="1.0" encoding="utf-8"?>\n' + xml.tostring(root, encoding="unicode") + "\n"


def add_case(suite: xml.Element, group: str, name: str) -> xml.Element:
    """One more test case."""
    return xml.SubElement(suite, "testcase", classname=group, name=xml_text(name), time="0")


def _tell_all(case: xml.Element, findings: Sequence[Mapping[str, Any]]) -> None:
    text = xml_text("\n\n".join(_tell(finding) for finding in findings))
    stopping = next((finding for finding in findings if finding["stops"]), None)
    quiet = [finding for finding in findings if finding["waiver"] or finding["kind"] == UNKNOWN]
    if stopping:
        word = "error" if stopping["kind"] == UNKNOWN else "failure"
        message = xml_text(f"{stopping['title']}: {stopping['observed']}")
        xml.SubElement(case, word, type=stopping["severity"], message=message).text = text
    elif quiet and len(quiet) == len(findings):
        xml.SubElement(case, "skipped", message=xml_text(_why_skipped(quiet[0]))).text = text
    elif findings:
        xml.SubElement(case, "system-out").text = text


def count(suite: xml.Element) -> None:
    """Note how many cases of each kind the suite has."""
    suite.set("tests", str(len(suite)))
    for word, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{word}"))))


def _why_skipped(finding: Mapping[str, Any]) -> str:
    waiver = finding["waiver"]
    if waiver:
        return f"waived by {waiver['owner']} until {waiver['expires']}: {waiver['reason']}"
    return finding["observed"]


def _tell(finding: Mapping[str, Any]) -> str:
    parts = (("expected", finding["expected"]), ("observed", finding["observed"]), ("evidence", finding["evidence"]))
    more = (("fix", finding["fix"]), ("reproduce", finding["reproduce"]))
    return "\n".join(
        [f"{finding['severity']} {finding['kind']}", *(f"{name:9} {text}" for name, text in parts + more if text)]
    )


def xml_text(text: object) -> str:
    """A text that XML can hold."""
    return UNWRITABLE.sub("\ufffd", str(text))
