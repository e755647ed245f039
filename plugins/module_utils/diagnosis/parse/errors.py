# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The newest error of a log with the chain of its causes: of log4j, Java and Python, and of CloudStack's set-up.

A program that dies prints the reason first (Java) or last (Python), with frames between that tell an operator nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LIMIT = 400  # characters of one error
# What a host that is well writes at every start or connect of its agent (a joined host of CloudStack 4.22.1 on Debian
# 12, and https://github.com/apache/cloudstack threads where it was blamed).
HARMLESS = re.compile(
    r"virt-v2v|ovftool|nbdkit|vddk|VDDK|GPU discovery|CPU speed|cpufreq|initiatorname\.iscsi|uefi\.properties"
    r"|uefi properties|StaticLoggerBinder|no-operation \(NOP\) logger|slf4j\.org|error code list|Groovy"
    r"|Storage pool not found|was not found running in libvirt|Stream closed|mountpoint -q|169\.254\."
    r"|Execution of process|update-rc\.d: error|Failed to execute:\s*$|Failed to execute:[○×●]|^[○×●]"
    r"|KVMHAChecker|Could not detect"
)
_FRAME = re.compile(r"^\s+at |^\s+\.\.\. \d+ (?:more|common frames)|^\s+File \"|^\s+[~^]+\s*$|^\s+\S")
_CAUSE = re.compile(r"^\s*Caused by: (.*)")
_LEVEL = re.compile(r"^\S+[ T]\S+\s+(ERROR|FATAL|WARN|INFO|DEBUG|TRACE)\b\s*(?:\[[^]]*\]\s*)?(?:\([^)]*\)\s*)*(.*)")
_JAVA = re.compile(r"^(?:Exception in thread \"[^\"]*\" )?(?:[a-z_]\w*\.)+[A-Z][\w$]*(?:Exception|Error)\b")
_PYTHON = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt)(?::|$)")
_SETUP_FAILED = re.compile(r"^DEBUG:root:Failed to execute:(.+)")
_FATAL = re.compile(r"^(?:ERROR|FATAL|Error)\b|^#\s+(?:SIG[A-Z]+ |There is insufficient|.*fatal error has been)")
_FATAL_START = "Unable to start agent"  # whatever it is about, it was not harmless (AgentShell.start)
_TRACEBACK = "Traceback (most recent call last):"


def newest_error(lines: Sequence[str]) -> str:
    """The newest error that is not harmless, as "message; caused by: message; ...". "" without one."""
    for message, followers in reversed(list(_records(lines))):
        told = _told(message, followers)
        if told and (_FATAL_START in told or not HARMLESS.search(told)):
            return told[:LIMIT]
    return ""


def last_words(lines: Iterable[str]) -> str:
    """The last line that says something: neither a frame nor a login."""
    noise = re.compile(r"pam_unix|session (?:opened|closed)|sshd\[\d+\]:|COMMAND=|^\s|^$")
    spoken = [line.strip() for line in lines if line.strip() and not noise.search(line)]
    return spoken[-1][:200] if spoken else ""


def _records(lines: Iterable[str]) -> Iterable[tuple[str, list[str]]]:
    """Each line that begins something, and the frames and causes that belong to it."""
    message: str = ""
    followers: list[str] = []
    for line in lines:
        belongs = _FRAME.match(line) or _CAUSE.match(line) or _ends_traceback(message, followers, line)
        if message and belongs:
            followers.append(line)
            continue
        if message:
            yield message, followers
        message, followers = line.rstrip(), []
    if message:
        yield message, followers


def _ends_traceback(message: str, followers: Sequence[str], line: str) -> bool:
    """Python names the exception in the first line behind its frames."""
    return message == _TRACEBACK and bool(followers) and not any(map(_PYTHON.match, followers)) and bool(line.strip())


def _told(message: str, followers: Sequence[str]) -> str:
    """One error and its causes in a line, "" for what is not an error."""
    causes = [found[1].strip() for found in map(_CAUSE.match, followers) if found]
    if message == _TRACEBACK:
        named = [line.strip() for line in followers if not line[:1].isspace()]
        return named[-1] if named else ""
    own = _own_words(message, bool(followers))
    return "; caused by: ".join([own, *causes]) if own else ""


def _own_words(message: str, has_frames: bool) -> str:
    level = _LEVEL.match(message)
    if level:
        return level[2].strip() if level[1] in ("ERROR", "FATAL") or has_frames else ""
    failed, fatal = _SETUP_FAILED.match(message), _FATAL.match(message)
    if failed:
        return failed[1].strip()
    if message.startswith("DEBUG:root:"):  # formatExceptionInfo of cloudutils: the exception, then its frames
        return message[len("DEBUG:root:") :].strip() if has_frames else ""
    if fatal:
        return message.strip()
    return message.strip() if _JAVA.match(message) or _PYTHON.match(message) else ""
