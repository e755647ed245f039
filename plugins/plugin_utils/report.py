# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reports of the pre-flight as files: what the action plugin calls. Runs on the controller only."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from ansible.release import __version__ as ansible_version
from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.preflight import Assessment
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.finding import Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.path_summary import path_summary
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import render
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import Made, document, dump, load
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_junit import junit
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_summary import summary

ENDINGS = {"html": "html", "json": "json", "junit": "junit.xml"}
PREFLIGHT, PATH_CHECK = "preflight", "path_check"  # what the files are called: no join reads the second one


def build(
    assessment: Assessment,
    hosts: Sequence[Profile],
    cluster: Cluster,
    policy: Policy,
    waivers: Sequence[Waiver],
    *,
    made: datetime,
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of preflight.json. `made` has a time zone; `previous` is what `read` returned before."""
    versions = {"ansible-core": ansible_version, "cloudstack.kvm": _collection_version(), "python": platform.python_version()}
    by = f"{_user()} on {platform.node()}"
    return document(assessment, hosts, cluster, policy, waivers, Made(made.isoformat(timespec="seconds"), by, versions), previous)


def read(folder: str, name: str = PREFLIGHT) -> dict[str, Any] | None:
    """The last report of this name in this folder, to compare with. None if there is none that can be read."""
    path = Path(folder) / f"{name}.json"
    try:
        return load(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, InputError):
        return None


def write(report: Mapping[str, Any], hosts: Sequence[Profile], folder: str, name: str = PREFLIGHT) -> dict[str, str]:
    """Write all three files and return their places. Raises InputError where that is not possible. The JSON comes last: where it is, all are."""
    texts = {"html": render(report, hosts), "junit": junit(report), "json": dump(report)}
    places = {kind: str(Path(folder) / f"{name}.{ENDINGS[kind]}") for kind in texts}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for kind, text in texts.items():
            _replace(Path(places[kind]), text)
    except OSError as error:
        raise InputError("the report cannot be written", observed=str(error), next_step="set preflight_report_dir to a folder that you may write") from error
    return places


def summary_lines(report: Mapping[str, Any], places: Mapping[str, str]) -> list[str]:
    """The lines for the terminal."""
    return (summary if report["complete"] else path_summary)(report, places["html"]).splitlines()


def _replace(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of it."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, in a container
        return f"user {os.getuid()}"


def _collection_version() -> str:
    """From galaxy.yml of a checkout or a wheel; a collection that galaxy installed has MANIFEST.json, which YAML reads too."""
    root = Path(__file__).parents[2]
    for name in ("galaxy.yml", "MANIFEST.json"):
        if (root / name).is_file():
            content = yaml.safe_load((root / name).read_text(encoding="utf-8"))
            return str(content.get("collection_info", content)["version"])
    return "unknown"
