# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent as it is installed, what stands in /etc/cloudstack/agent, and what a failed join left there.

Secrets are compared here and never returned; of key files not even the content is read, but for the keystore's
integrity code."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.certificate_pair import belongs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_answers import (
    executable,
    parsed,
    program,
    status_of,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import certificate, unit_properties
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.agent_scripts import (
    import_question,
    parse_temporary_folder,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.keystore import opens
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.sudo_rules import PROGRAMS
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import (
    ENCODING,
    find_properties,
    parse_properties,
    without_secrets,
)

FOLDER = "/etc/cloudstack/agent"
CERTIFICATES = {"certificate": f"{FOLDER}/cloud.crt", "libvirt_certificate": "/etc/pki/libvirt/servercert.pem"}
KEYS = {
    "key_matches": ("certificate", f"{FOLDER}/cloud.key"),
    "libvirt_key_matches": ("libvirt_certificate", "/etc/pki/libvirt/private/serverkey.pem"),
}
JARS = "/usr/share/cloudstack-agent/lib"
JAVA = "/usr/bin/java"  # the only one that the agent's unit looks for
UNIT = "cloudstack-agent.service"
# What is imported, by one of the scripts that do.
IMPORTING = {
    "cloudutils": "/usr/bin/cloudstack-setup-agent",
    "libvirt": "/usr/share/cloudstack-common/scripts/vm/network/security_group.py",
}
PYTHON = "/usr/bin/python3"  # the first line of cloudstack-setup-agent
UNIT_SETTINGS = "/etc/default/cloudstack-agent"
# Without -B a look at the host would leave compiled files beside the modules.
IMPORT = (PYTHON, "-B", "-c")


def commands(_user: str) -> dict[str, tuple[str, ...]]:
    """What to ask, by the name that collect() looks for."""
    return {
        # openssl costs more than all the rest; before the join there is nothing for it to read.
        **{
            f"agent.{name}": (*certificate.QUESTION, path)
            for name, path in CERTIFICATES.items()
            if os.path.lexists(path)
        },
        "agent.files.dpkg": ("dpkg-query", "-L", "cloudstack-agent"),
        "agent.files.rpm": ("rpm", "-ql", "cloudstack-agent"),
        **_imports(),
    }


def _imports() -> dict[str, tuple[str, ...]]:
    """Whether Python finds what the scripts import; of a script that is not there nothing is asked."""
    questions = {name: import_question(fact_files.read_or_none(path) or "") for name, path in IMPORTING.items()}
    return {f"agent.python.{name}": (*IMPORT, code) for name, code in questions.items() if code}


def collect(answers: Mapping[str, Answer], unknown: dict[str, str], _user: str) -> dict[str, Any]:
    """Everything of `agent` that collect_agent() does not have, and java.path_ok. Reads the answer `units` too."""
    request = status_of("agent.csr", f"{FOLDER}/cloud.csr", unknown)
    return {
        "agent": {
            **{name: _certificate(name, path, answers, unknown) for name, path in CERTIFICATES.items()},
            **{name: _key_matches(name, CERTIFICATES[pair], key, unknown) for name, (pair, key) in KEYS.items()},
            "csr": None if "agent.csr" in unknown else request is not None and request.st_size > 0,
            "scripts": {path: _script(path, unknown) for path in PROGRAMS},
            "keytool": program("keytool"),
            "python": {name: _imported(answers.get(f"agent.python.{name}")) for name in IMPORTING},
            "tmpdir": _temporary_folder(),
            "jars": {"foreign": _foreign_jars(answers, unknown)},
            "unit": parsed(
                "agent.unit", answers["units"], lambda text: unit_properties.agent_unit(text, UNIT), unknown
            ),
        },
        "java": {"path_ok": _script(JAVA, unknown) == "executable"},
    }


def _certificate(
    name: str, path: str, answers: Mapping[str, Answer], unknown: dict[str, str]
) -> Optional[dict[str, Any]]:
    """None without a reason in `unknown` means that there is none."""
    if status_of(f"agent.{name}", path, unknown) is None or f"agent.{name}" not in answers:
        return None
    if not os.access(path, os.R_OK):  # openssl would not say why it cannot read it
        unknown[f"agent.{name}"] = f"{path}: Permission denied"
        return None
    return parsed(f"agent.{name}", answers[f"agent.{name}"], certificate.parse_certificate, unknown)


def _key_matches(name: str, certificate_path: str, key_path: str, unknown: dict[str, str]) -> Optional[bool]:
    """Whether the private key is that of the certificate; None without a reason in `unknown` means that one of the two
    is not there."""
    if None in (status_of(f"agent.{name}", certificate_path, unknown), status_of(f"agent.{name}", key_path, unknown)):
        return None
    try:
        return belongs(certificate_path, key_path)
    except CommandError as error:
        unknown[f"agent.{name}"] = error.message
        return None


def _script(path: str, unknown: dict[str, str]) -> Optional[str]:
    """executable, not executable or absent."""
    fact = f"agent.scripts.{path}"
    found = status_of(fact, path, unknown)
    if found is None:
        return None if fact in unknown else "absent"
    return "executable" if executable(found) else "not executable"


def _imported(answer: Optional[Answer]) -> Optional[dict[str, Any]]:
    """ok, and the last line of what Python said; None where it was not asked."""
    if answer is None:
        return None
    said = (answer.stderr.strip().splitlines() or [answer.problem or answer.stdout.strip()])[-1]
    return {"ok": answer.ok, "text": "" if answer.ok else said}


def _temporary_folder() -> dict[str, Any]:
    """The folder into which the agent unpacks native code, and whether programs may run there (null if unknown)."""
    path = parse_temporary_folder(fact_files.read_or_none(UNIT_SETTINGS))
    there = path
    while not os.path.exists(there) and there != "/":
        there = os.path.dirname(there)
    try:
        noexec: Optional[bool] = bool(os.statvfs(there).f_flag & os.ST_NOEXEC)
    except OSError:
        noexec = None
    return {"path": path, "noexec": noexec}


def _foreign_jars(answers: Mapping[str, Answer], unknown: dict[str, str]) -> Optional[list[str]]:
    """Jars beside those of the package: leftovers of another release that Java would load too."""
    try:
        names = sorted(name for name in os.listdir(JARS) if name.endswith(".jar"))
    except FileNotFoundError:
        return []
    except OSError as error:
        unknown["agent.jars.foreign"] = f"{JARS}: {error.strerror}"
        return None
    listed = next((answers[key] for key in ("agent.files.dpkg", "agent.files.rpm") if answers[key].ok), None)
    if listed is None:
        unknown["agent.jars.foreign"] = "no package says which files of cloudstack-agent are its own"
        return None
    own = set(listed.stdout.splitlines())
    return [name for name in names if f"{JARS}/{name}" not in own]


def collect_agent(version: Optional[str], unknown: dict[str, str], folder: str = FOLDER) -> dict[str, Any]:
    """present, version, properties without secrets, zeroed, and the keystore. Reasons for what is not known go into
    `unknown`."""
    raw = _read(f"{folder}/agent.properties", "agent.properties", unknown)
    everything = _understand(raw, unknown)
    return {
        "present": os.path.exists(f"{folder}/agent.properties"),
        "version": version,
        "properties": without_secrets(everything),
        "repeated": _repeated(raw),
        "zeroed": None if raw is None else b"\0" in raw,
        "keystore": _keystore(f"{folder}/cloud.jks", everything.get("keystore.passphrase"), unknown),
    }


def _understand(raw: Optional[bytes], unknown: dict[str, str]) -> dict[str, str]:
    try:
        return parse_properties((raw or b"").decode(ENCODING))
    except ParseError as error:
        # Not the error's own text: the line it quotes may be the one with the passphrase.
        unknown["agent.properties"] = error.message
        return {}


def _repeated(raw: Optional[bytes]) -> dict[str, int]:
    """Keys that stand there more than once, with how often; none where the file is not understood."""
    try:
        found = find_properties((raw or b"").decode(ENCODING))
    except ParseError:
        return {}
    counts = Counter(each.key for each in found)
    return {key: count for key, count in sorted(counts.items()) if count > 1}


def _keystore(path: str, passphrase: Optional[str], unknown: dict[str, str]) -> dict[str, Any]:
    """present, readable, empty (a full disk leaves 0 bytes) and opens: whether it opens with the passphrase of
    agent.properties.

    `opens` is None when there is no keystore, or when it cannot be told. False makes every further join fail; so does a
    passphrase that is lost, because the join then makes a new one."""
    present = os.path.exists(path)
    data = _read(path, "agent.keystore", unknown) if present else None
    result: dict[str, Any] = {
        "present": present,
        "readable": data is not None,
        "empty": present and not os.path.getsize(path),
        "opens": None,
    }
    if data and passphrase is not None:
        try:
            result["opens"] = opens(data, passphrase)
        except ParseError as error:
            unknown["agent.keystore.opens"] = error.message
    elif data and "agent.properties" in unknown:
        unknown["agent.keystore.opens"] = f"agent.properties: {unknown['agent.properties']}"
    elif data:
        result["opens"] = False
    return result


def _read(path: str, fact: str, unknown: dict[str, str]) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        unknown[fact] = f"{path}: {error.strerror}"
        return None
