# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who gets into the host: sshd, authorized keys, sudo, and the BMC. Public keys only; no secret is read."""

from __future__ import annotations

import glob
import os
import platform
import pwd
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer, run
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_answers import (
    parsed,
    program,
    understood,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import ipmitool, sshd_config, sudo_rules

SSHD_CONFIG = "/etc/ssh/sshd_config"
CRYPTO_POLICY = "/etc/crypto-policies/back-ends/opensshserver.config"
KEY_FILES = [".ssh/authorized_keys", ".ssh/authorized_keys2"]  # where sshd itself looks if it is not told otherwise
BMC_DEVICES = ("/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0")
LAN_CHANNELS = ("1", "2")  # 1 of nearly all vendors; HPE has its LAN at 2
HOST_KEYS = "/etc/ssh/ssh_host_*_key.pub"
NO_TTY = "must have a tty"


def commands(user: str) -> dict[str, tuple[str, ...]]:
    """What to ask, by the name that collect() looks for. `user` is the account that CloudStack logs in with."""
    # An address of documentation (RFC 5737): no Match on addresses is meant for it. sshd wants its own absolute path.
    who = f"user={user},host={platform.node()},addr=192.0.2.1,laddr=192.0.2.2,lport=22"
    policy = sshd_config.policy_options(fact_files.read_or_none(CRYPTO_POLICY) or "")
    asked: dict[str, tuple[str, ...]] = {
        "ssh.sshd": (program("sshd") or "/usr/sbin/sshd", "-T", *policy, "-C", who),
        "sudo.rules": ("sudo", "-n", "-l", "-U", user),
    }
    if any(os.path.exists(device) for device in BMC_DEVICES):
        asked["bmc.lan"] = ("ipmitool", "lan", "print")
        asked["bmc.guid"] = ("ipmitool", "mc", "guid")
        asked.update({f"bmc.channel{number}": ("ipmitool", "channel", "info", number) for number in LAN_CHANNELS})
    return asked


def collect(answers: Mapping[str, Answer], unknown: dict[str, str], user: str) -> dict[str, Any]:
    """ssh, sudo and bmc."""
    return {
        "ssh": _ssh(answers["ssh.sshd"], unknown, user),
        "sudo": _sudo(answers["sudo.rules"], unknown, user),
        "bmc": _bmc(answers, unknown),
    }


def _ssh(answer: Answer, unknown: dict[str, str], user: str) -> dict[str, Any]:
    settings = parsed("ssh.settings", answer, sshd_config.parse_settings, unknown)
    if settings is None and answer.status is not None and os.geteuid() != 0:
        unknown["ssh.settings"] = f"sshd -T needs root: {unknown['ssh.settings']}"
    files = settings["authorizedkeysfile"] if settings else KEY_FILES
    return {
        "settings": settings,
        "depends_on_address": _depends_on_address(unknown),
        "host_keys": _host_keys(),
        "authorized_keys": {name: _keys(name, files, unknown) for name in sorted({"root", user})},
    }


def _host_keys() -> list[str]:
    """Fingerprints of the host's own keys, as ssh-keygen -l prints them."""
    texts = [fact_files.read_or_none(path) or "" for path in sorted(glob.glob(HOST_KEYS))]
    return sorted(filter(None, map(sshd_config.fingerprint, texts)))


def _depends_on_address(unknown: dict[str, str]) -> Optional[bool]:
    try:
        texts = [fact_files.read(SSHD_CONFIG)]
        paths = [path for pattern in sshd_config.included(texts[0]) for path in sorted(glob.glob(pattern))]
        texts += [fact_files.read(path) for path in paths]
    except OSError as error:
        unknown["ssh.depends_on_address"] = f"{error.filename}: {error.strerror}"
        return None
    return any(sshd_config.depends_on_address(text) for text in texts)


def _keys(name: str, files: list[str], unknown: dict[str, str]) -> Optional[list[str]]:
    """The keys of an account, in order, each once; a file that is not there holds none."""
    found: list[str] = []
    try:
        account = pwd.getpwnam(name)
        for path in sshd_config.key_files(files, name, account.pw_uid, account.pw_dir):
            found += sshd_config.parse_authorized_keys(_read_if_there(path))
    except KeyError:
        unknown[f"ssh.authorized_keys.{name}"] = f"there is no account {name}"
        return None
    except OSError as error:
        unknown[f"ssh.authorized_keys.{name}"] = f"{error.filename}: {error.strerror}"
        return None
    return list(dict.fromkeys(found))


def _read_if_there(path: str) -> str:
    try:
        return fact_files.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _sudo(answer: Answer, unknown: dict[str, str], user: str) -> dict[str, Any]:
    if answer.status is None and program("sudo") is None:
        return {
            "user": user,
            "installed": False,
            "requiretty": False,
            "noexec": False,
            "secure_path": None,
            "commands": dict.fromkeys(sudo_rules.PROGRAMS, False),
        }
    if NO_TTY in answer.stderr:
        # `Defaults requiretty` holds for this very question too. script(1) brings a terminal; the answer comes through
        # it.
        answer = run(("script", "-qec", shlex.join(answer.argv), "/dev/null"))
    rules = _rules(answer, unknown, user)
    if rules is None:
        unknown.update(dict.fromkeys(("sudo.requiretty", "sudo.noexec", "sudo.commands"), unknown.pop("sudo")))
        rules = dict.fromkeys(("requiretty", "noexec", "secure_path", "commands"))
    elif rules["requiretty"] is None:
        unknown["sudo.requiretty"] = "is set for some commands only"
    return {"user": user, "installed": True, **rules}


def _rules(answer: Answer, unknown: dict[str, str], user: str) -> Optional[dict[str, Any]]:
    def parse(text: str) -> dict[str, Any]:
        return sudo_rules.parse_rules(text, is_root=user == "root")

    # Versions differ in the exit status for an account without any right; the sentence is the same.
    if "not allowed to run sudo" in answer.stdout:
        return understood("sudo", answer.stdout, parse, unknown)
    # A host that cannot resolve its own name is told so first, whatever the reason.
    said = [line for line in answer.stderr.splitlines() if "unable to resolve host" not in line]
    return parsed("sudo", replace(answer, stderr="\n".join(said)), parse, unknown)


def _bmc(answers: Mapping[str, Answer], unknown: dict[str, str]) -> Optional[dict[str, Any]]:
    if "bmc.lan" not in answers:
        unknown["bmc"] = f"no {BMC_DEVICES[0]}: no BMC, or the kernel modules ipmi_si and ipmi_devintf are not loaded"
        return None
    lan = parsed("bmc.lan", answers["bmc.lan"], ipmitool.parse_lan, unknown) or {"address": None, "mac": None}
    reason = unknown.pop("bmc.lan", "the BMC has none")
    unknown.update({f"bmc.{name}": reason for name, value in lan.items() if value is None})
    guid = parsed("bmc.guid", answers["bmc.guid"], ipmitool.parse_guid, unknown)
    in_band = any(answers[name].ok for name in ("bmc.lan", "bmc.guid"))
    if not in_band:
        unknown["bmc.in_band"] = answers["bmc.lan"].why()
    number, mode = _lan_channel(answers, unknown)
    return {
        "in_band": in_band or None,
        "guid": guid,
        **lan,
        "channel_access": mode,
        **_lan_access(answers["bmc.lan"], unknown),
        "accounts": _accounts(number, unknown),
    }


def _lan_access(answer: Answer, unknown: dict[str, str]) -> dict[str, Any]:
    """Cipher suites and lockout."""
    names = ("cipher_suites", "cipher_privileges", "lockout")
    found = parsed("bmc.lan", answer, ipmitool.parse_lan_access, unknown) or dict.fromkeys(names)
    reason = unknown.pop("bmc.lan", "the BMC does not say")
    unknown.update({f"bmc.{name}": reason for name, value in found.items() if value is None})
    return found


def _accounts(number: Optional[str], unknown: dict[str, str]) -> Optional[list[dict[str, Any]]]:
    """The accounts with a name, as they may use the LAN channel. Asked only where there is one: a BMC with many
    accounts takes seconds.
    """
    if number is None:
        unknown["bmc.accounts"] = unknown["bmc.channel_access"]
        return None
    answer = run(("ipmitool", "user", "list", number))
    found = parsed("bmc.accounts", answer, ipmitool.parse_accounts, unknown)
    return None if found is None else [each for each in found if each["name"]]


def _lan_channel(answers: Mapping[str, Answer], unknown: dict[str, str]) -> tuple[Optional[str], Optional[str]]:
    """Number and access mode of the first channel that is a LAN."""
    for number in LAN_CHANNELS:
        mode = parsed("bmc.channel_access", answers[f"bmc.channel{number}"], ipmitool.parse_access_mode, unknown)
        if mode is not None:
            unknown.pop("bmc.channel_access", None)
            return number, mode
    unknown.setdefault("bmc.channel_access", f"none of the channels {' and '.join(LAN_CHANNELS)} is a LAN")
    return None, None
