# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reports of the pre-flight as files: what the action plugin calls. Runs on the controller only."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from ansible.release import __version__ as ansible_version
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.account import user
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import Assessment
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client import report_folder
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import facts_document
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.path_summary import path_summary
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import render
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import Made, document, dump, load
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_junit import junit
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_summary import summary

ENDINGS = {"html": "html", "json": "json", "junit": "junit.xml", "facts": "facts.json"}
PREFLIGHT, PATH_CHECK = "preflight", "path_check"  # what the files are called: no join reads the second one


def build(
    assessment: Assessment,
    hosts: Sequence[Profile],
    cluster: Cluster,
    policy: Policy,
    waivers: Sequence[Waiver],
    *,
    made: datetime,
    run_id: str,
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of preflight.json. `made` has a time zone; `previous` is what `read` returned before."""
    versions = {
        "ansible-core": ansible_version,
        "cloudstack.kvm": _collection_version(),
        "python": platform.python_version(),
    }
    stamp = Made(made.isoformat(timespec="seconds"), who(), run_id, versions)
    return document(assessment, hosts, cluster, policy, waivers, stamp, previous)


def read(folder: str, name: str = PREFLIGHT) -> dict[str, Any] | None:
    """The last report of this name in this folder, to compare with. None if there is none that can be read."""
    path = Path(folder) / f"{name}.json"
    try:
        return load(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, InputError):
        return None


def write(
    report: Mapping[str, Any], hosts: Sequence[Profile], cluster: Cluster, folder: str, name: str = PREFLIGHT
) -> dict[str, str]:
    """Write the files of a report and return their paths by kind. Raises InputError where that is not possible.

    The JSON comes last: where it is, all are. Those of the pre-flight have the facts beside them, and end what `begin`
    has marked.
    """
    texts = {"html": render(report, hosts), "junit": junit(report)}
    if name == PREFLIGHT:
        texts["facts"] = dump(facts_document(report["run_id"], report["created_at"], hosts, cluster))
    texts["json"] = dump(report)
    names = {kind: f"{name}.{ENDINGS[kind]}" for kind in texts}
    with report_folder.locked(folder):
        report_folder.write_all(
            folder, {names[kind]: text for kind, text in texts.items()}, private=(report_folder.FACTS,)
        )
        if name == PREFLIGHT:
            report_folder.end(folder, report["run_id"], judged=True)
    return {kind: str(Path(folder) / each) for kind, each in names.items()}


def begin(folder: str, run_id: str) -> None:
    """Mark that a pre-flight has begun, so that the report in the folder does not look current if it never ends."""
    report_folder.begin(folder, run_id, datetime.now(timezone.utc).isoformat(timespec="microseconds"), who())


def cancel(folder: str, run_id: str) -> None:
    """Take the mark away: there was nothing to judge, and the report of before stands."""
    with report_folder.locked(folder):
        report_folder.end(folder, run_id, judged=False)


def summary_lines(report: Mapping[str, Any], paths: Mapping[str, str]) -> list[str]:
    """The lines for the terminal."""
    return (summary if report["complete"] else path_summary)(report, paths["html"]).splitlines()


def who() -> str:
    """The user and the machine that this runs on."""
    return f"{user()} on {platform.node()}"


def _collection_version() -> str:
    """From galaxy.yml of a checkout or a wheel; a collection that galaxy installed has MANIFEST.json, which YAML reads
    too.
    """
    root = Path(__file__).parents[2]
    for name in ("galaxy.yml", "MANIFEST.json"):
        if (root / name).is_file():
            content = yaml.safe_load((root / name).read_text(encoding="utf-8"))
            return str(content.get("collection_info", content)["version"])
    return "unknown"
