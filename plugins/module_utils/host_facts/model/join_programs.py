# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the scripts of a join start on the host, and what happens without it.

Read from the scripts of CloudStack 4.22.1.0 (commit 348ce953a992): keystore-setup, keystore-cert-import,
cloudstack-setup-agent with python/lib/cloudutils, and the agent's scripts/vm/network. What has a check of its own is
not in the table: kvm-ok (CPU003), hostname (NET010), sudo (ACC003), keytool and java (AGT002, AGT003), mount.nfs
(STO008), iptables, ebtables and ipset (NET015), ifconfig (NET020). What every system has (sh, sed, grep, tr) or what
is not missed (ufw, update-rc.d, logger, apparmor_parser, selinuxenabled: their failure is passed over) is left out too.
"""

from __future__ import annotations

from dataclasses import dataclass

DEBIAN, SETUP_AGENT = "debian", "cloudstack-setup-agent"


@dataclass(frozen=True)
class JoinProgram:
    """`path` is set where the script calls the program by it, `family` where only one kind of distribution needs it.
    `package` names those of Debian and Enterprise Linux. `fails`: without it the join itself ends in an error.
    """

    name: str
    caller: str
    without: str
    package: str
    fails: bool = True
    path: str = ""
    family: str = ""


JOIN_PROGRAMS = (
    JoinProgram(
        "lsb_release",
        SETUP_AGENT,
        "it cannot tell the distribution (UnknownSystemException), and addHost fails after 80 to 119 s",
        "lsb-release",
        path="/usr/bin/lsb_release",
        family=DEBIAN,
    ),
    JoinProgram(
        "service",
        SETUP_AGENT,
        "it cannot start the agent, and addHost waits for minutes",
        "init-system-helpers",
        path="/usr/sbin/service",
        family=DEBIAN,
    ),
    JoinProgram("awk", SETUP_AGENT, "it cannot read the memory and gives up at `Configure Host`", "mawk or gawk"),
    JoinProgram("ip", SETUP_AGENT, "it finds no network card and gives up at `Configure Host`", "iproute2 or iproute"),
    JoinProgram("openssl", "keystore-cert-import", "cloud.key stays empty, and libvirtd does not start", "openssl"),
    JoinProgram(
        "uuidgen",
        SETUP_AGENT,
        "local.storage.uuid stays empty, and the agent makes a new local pool at each start",
        "uuid-runtime or util-linux",
        fails=False,
    ),
    JoinProgram("qemu-img", "the agent", "no volume can be made or copied", "qemu-utils or qemu-img", fails=False),
    JoinProgram("bridge", "modifyvlan.sh and modifyvxlan.sh", "guest networks do not start", "iproute2", fails=False),
)
