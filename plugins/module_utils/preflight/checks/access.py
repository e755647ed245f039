# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: how the management server gets into the host. It logs in over SSH and runs three programs through sudo, as
root too.

ACC001 to ACC003 judge the host's own settings; ACC004 to ACC006 what the management servers have really done. A login
that works is worth more than settings that speak against it, so the first three are silent then; and where they explain
why a login fails, ACC004 and ACC005 are silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.join_programs import JOIN_PROGRAMS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.fixes import SUDO, fix_for
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import HOST, check, show
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.ports import MIGRATION_TLS
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse import ssh_client

# sshd's keyword -> what `sshd -T` calls it, and what both must have in common.
CLIENT = {
    "KexAlgorithms": ("kexalgorithms", ssh_client.KEX),
    "Ciphers": ("ciphers", ssh_client.CIPHERS),
    "MACs": ("macs", ssh_client.MACS),
    "HostKeyAlgorithms": ("hostkeyalgorithms", ssh_client.HOST_KEYS),
}
ADD_BELOW = 2  # how many of them the fix names
RSA = ("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512")  # one kind of key, three kinds of signature
NEEDED_IN_PATH = ("keytool", "kvm-ok", "hostname", *(each.name for each in JOIN_PROGRAMS if each.fails))
OTHER_MACHINE = "correct cloudstack_host_address, or find the machine that has the same address"
STAGE_FIXES = {
    "algorithms": "look for a Match block or an OpenSSH policy that applies to the management server's address, and "
    "let sshd offer what ACC001 lists",
    "command": "give the account a login shell that runs commands, and print nothing from its profile",
    "connect": "make sure that sshd runs and answers the management server (TCP wrappers, MaxStartups, fail2ban)",
}
KEY_FIX = (
    "run ansible-playbook cloudstack.kvm.prepare_hosts (role cloudstack_agent installs "
    "cloudstack_agent_management_keys for cloudstack_agent_username) and let sshd accept the login"
)
PREPARE = (
    "run ansible-playbook cloudstack.kvm.prepare_hosts: the role cloudstack_agent writes /etc/sudoers.d/cloudstack-kvm "
    "for cloudstack_agent_username"
)


def account(host: Profile) -> str:
    """The account that CloudStack logs in with."""
    return host.declared.get("cloudstack_user") or "root"


def weight(host: Profile, severity: str = ERROR) -> str:
    """A member is logged in to only when its agent is to be started again; a candidate cannot join without."""
    return WARNING if host.member else severity


def servers(host: Profile) -> Mapping[str, Any]:
    """What each management server has tried. Raises FactUnavailable where none has."""
    found = host.require_probe("management")
    if not found:
        raise FactUnavailable("management", "there is no management server in the inventory", expected_here=host.live)
    return found


def logged_in(host: Profile) -> bool:
    """Whether every management server that was asked got in."""
    found = host.probes.get("management") or {}
    return bool(found) and all((each.get("ssh") or {}).get("ok") for each in found.values())


def not_tried(server: Mapping[str, Any], part: str) -> str:
    """Why this part of what a management server should have tried is not known."""
    return f"unknown: {(server.get('unknown') or {}).get(part) or 'it was not tried'}"


def _fires(judge: Callable[[Profile], Iterator[Problem]], host: Profile) -> bool:
    try:
        return next(judge(host), None) is not None
    except FactUnavailable:
        return False


# The host's own settings.


@check(
    "ACC001",
    "No common SSH algorithms with CloudStack's client",
    area="access",
    severity=ERROR,
    scope=HOST,
    prevents=("F60",),
    fix="add what is missing to /etc/ssh/sshd_config, outside of any Match block, and reload sshd (Enterprise "
    "Linux: update-crypto-policies)",
    reproduce="sshd -T | grep -E '^(kexalgorithms|ciphers|macs|hostkeyalgorithms) '",
)
def algorithms(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """sshd must have a key exchange, a cipher, a MAC and a host key algorithm in common with the management server's
    SSH client.

    That client, Trilead build-217-jenkins-27 in CloudStack 4.22, has no AES-GCM, no chacha20-poly1305, no -etm MAC, no
    diffie-hellman-group14/16/18 and no sntrup761. A hardened sshd locks it out with the same text as a closed port,
    "There was a problem while connecting to <host>:22" (F60), while OpenSSH, and Ansible, get in. Its algorithms were
    tried one by one.
    """
    yield from _algorithms(host)


def _algorithms(host: Profile) -> Iterator[Problem]:
    if logged_in(host):
        return
    for keyword, (key, known) in CLIENT.items():
        offered = host.require("ssh", "settings", key)
        if not set(offered) & set(known):
            fix = (
                f"add to /etc/ssh/sshd_config, outside of any Match block: {keyword} "
                f"+{','.join(known[:ADD_BELOW])}; then systemctl reload sshd"
            )
            yield Problem(
                (host.name,), f"{keyword}: one of {show(known)}", show(offered), severity=weight(host), fix=fix
            )


@check(
    "ACC002",
    "CloudStack's login is not accepted",
    area="access",
    severity=ERROR,
    scope=HOST,
    prevents=("F01",),
    fix=KEY_FIX,
    reproduce="sshd -T | grep -iE "
    "'^(permitrootlogin|pubkeyauthentication|passwordauthentication|allowusers|denyusers|port) '; cat "
    "/root/.ssh/authorized_keys",
)
def login(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """CloudStack's account must be able to log in with the management server's key, or with a password where no key is
    known.

    Looked at: the port, AllowUsers and the like, PubkeyAuthentication, PermitRootLogin, whether authorized_keys of the
    account holds the key and sshd accepts its type; without a key, PasswordAuthentication. CloudStack tries the key
    first. The texts of a refusal are "Authentication error with SSH private key", "... with host password" or "Password
    authentication failed" (F01).
    """
    yield from _login(host)


def _login(host: Profile) -> Iterator[Problem]:
    if logged_in(host):
        return
    user, settings, key = account(host), host.require("ssh", "settings"), host.declared.get("management_key")
    wanted = f"a login as {user} with {'the key of the management server' if key else 'a password or a key'}"
    refusals = [*_nobody(user, settings), *(_key_refused(host, user, settings, key) if key else ())]
    other = _other_port(host)
    if other:
        fix = (
            f"set host_registration_ssh_port: {other.split(',', maxsplit=1)[0]}, or let sshd listen on the other "
            "port too"
        )
        yield Problem(
            (host.name,),
            f"sshd on port {host.declared.get('ssh_port') or 22} (host_registration_ssh_port)",
            f"on {other}",
            severity=weight(host),
            fix=fix,
        )
    if refusals:
        yield Problem((host.name,), wanted, "; ".join(refusals), severity=weight(host))
    elif not key and not _password_allowed(user, settings):
        yield Problem(
            (host.name,),
            wanted,
            "sshd takes no password, and the management server's key is not known",
            kind=UNKNOWN,
            severity=WARNING,
        )


def _other_port(host: Profile) -> str:
    """The ports that sshd listens on, if CloudStack's is not one of them."""
    listens = host.get("ssh", "settings", "port") or ()
    return show(listens) if listens and str(host.declared.get("ssh_port") or 22) not in listens else ""


def _nobody(user: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """Who may not log in at all. Patterns with a host (user@host) are taken for their user."""
    allowed, denied = settings.get("allowusers") or (), settings.get("denyusers") or ()
    if allowed and not any(fnmatchcase(user, each.split("@")[0]) for each in allowed):
        yield f"AllowUsers is {show(allowed)}"
    if any(fnmatchcase(user, each) for each in denied):
        yield f"DenyUsers is {show(denied)}"
    if user == "root" and settings.get("permitrootlogin") in ("no", "forced-commands-only"):
        yield f"PermitRootLogin {settings['permitrootlogin']}"


def _key_refused(host: Profile, user: str, settings: Mapping[str, Any], key: str) -> Iterator[str]:
    kind, body = key.split()[:2]
    if settings.get("pubkeyauthentication") == "no":
        yield "PubkeyAuthentication no"
    accepted = set(settings.get("pubkeyacceptedalgorithms") or ())
    if accepted and not accepted & set(RSA if kind == "ssh-rsa" else (kind,)):
        yield f"PubkeyAcceptedAlgorithms without {kind}"
    methods = settings.get("authenticationmethods") or "any"
    if methods != "any" and "publickey" not in methods.split():
        yield f"AuthenticationMethods {methods}"
    if body not in {each.split()[1] for each in host.require("ssh", "authorized_keys", user)}:
        yield f"authorized_keys of {user} does not contain the key"


def _password_allowed(user: str, settings: Mapping[str, Any]) -> bool:
    return settings.get("passwordauthentication") == "yes" and (
        user != "root" or settings.get("permitrootlogin") == "yes"
    )


@check(
    "ACC003",
    "sudo does not allow what the join runs",
    area="access",
    severity=ERROR,
    scope=HOST,
    prevents=("F02",),
    fix=PREPARE,
    reproduce="sudo -n -l -U root; sudo -V | head -1",
)
def sudo(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """sudo must be installed and let CloudStack's account run keystore-setup, keystore-cert-import and
    cloudstack-setup-agent as root, without a password and without a terminal. This holds for root too: the server puts
    sudo before the keystore scripts in any case.

    The documented line in sudoers names only cloudstack-setup-agent. Missing sudo, requiretty, no entry, a password and
    that line all end in the one text "Failed to setup keystore on the KVM host", after three tries; the reason stands
    in the management log only (F02). secure_path of the Defaults must hold the folders of what these programs start
    (kvm-ok and others are in /usr/sbin): sudo replaces PATH by it.
    """
    yield from _sudo(host)


def _sudo(host: Profile) -> Iterator[Problem]:
    hidden = _outside_of_secure_path(host)
    if hidden:
        fix = "let secure_path in sudoers hold /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        wanted = "a secure_path of sudo with the programs of the join"
        yield Problem((host.name,), wanted, f"not in it: {show(hidden)}", severity=weight(host), fix=fix)
        return
    if logged_in(host) and all(_allowed(each) for each in servers(host).values()):
        return
    found = host.require("sudo")
    wanted = f"sudo for {found.get('user') or account(host)}, without password and terminal"
    if found.get("installed") is False:
        yield Problem((host.name,), wanted, "sudo is not installed", severity=weight(host))
        return
    refused = [path for path, allowed in sorted(host.require("sudo", "commands").items()) if not allowed]
    faults = [f"not allowed: {show(refused)}"] if refused else []
    faults += [f"Defaults {word}" for word in ("requiretty", "noexec") if found.get(word)]
    if faults:
        yield Problem((host.name,), wanted, "; ".join(faults), severity=weight(host))


def _outside_of_secure_path(host: Profile) -> list[str]:
    """Programs of the join that sudo does not find: it replaces PATH by secure_path for all that they start."""
    path = host.get("sudo", "secure_path")
    folders = {_merged(folder) for folder in path or ()}
    found = [place for name, place in sorted((host.get("programs") or {}).items()) if name in NEEDED_IN_PATH and place]
    outside = [place for place in found if _merged(place.rpartition("/")[0]) not in folders]
    # Where sbin and bin are one folder, the one may stand for the other.
    return outside if folders and not {"/usr/sbin", "/usr/bin"} <= folders else []


def _merged(folder: str) -> str:
    return f"/usr{folder}" if folder in ("/bin", "/sbin") else folder


def _allowed(server: Mapping[str, Any]) -> bool:
    return bool(server.get("sudo")) and all(server["sudo"].values())


# What the management servers have really done.


@check(
    "ACC004",
    "A management server cannot log in",
    area="access",
    severity=ERROR,
    scope=HOST,
    prevents=("F01", "F60"),
    unknown=WARNING,
    fix=KEY_FIX,
    reproduce="ssh -i /var/cloudstack/management/.ssh/id_rsa -o BatchMode=yes root@HOST ls /dev/kvm   # on the "
    "management server, as user cloud",
)
def login_works(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every management server of the inventory logs in to the host, with its own key, CloudStack's account and only the
    algorithms that its client has, and lists /dev/kvm, as addHost does.

    The path from the management server counts, not Ansible's (F01). Where the host's settings explain the failure,
    ACC001 or ACC002 says so, where the port is closed, ACC006. A login that does not see /dev/kvm although the host has
    it has reached another machine. Without a management server in the inventory it is unknown, and only the host's own
    settings are judged.
    """
    for name, server in sorted(servers(host).items()):
        ssh = server.get("ssh")
        wanted = f"a login as {account(host)} from {name}"
        if ssh is None or ssh.get("ok") is None:
            yield Problem((host.name,), wanted, not_tried(server, "ssh"), kind=UNKNOWN)
        elif not ssh["ok"] and not _explained(host, server, ssh.get("stage")):
            stage = ssh.get("stage") or "an unknown stage"
            observed, fix = f"failed at {stage}: {ssh.get('text')}", STAGE_FIXES.get(stage, "")
            yield Problem((host.name,), wanted, observed, severity=weight(host), fix=fix)
        elif ssh["ok"] and server.get("device") is False and host.get("kvm", "device"):
            wanted = f"the host itself behind its address, seen from {name}"
            observed = "no /dev/kvm there, but the host has it: another machine?"
            yield Problem((host.name,), wanted, observed, severity=weight(host), fix=OTHER_MACHINE)


def _explained(host: Profile, server: Mapping[str, Any], stage: Any) -> bool:
    if stage == "connect":
        return any(each["port"] != MIGRATION_TLS and each["state"] != "open" for each in server.get("ports") or ())
    return _fires({"algorithms": _algorithms, "authentication": _login}.get(stage, _nothing), host)


def _nothing(host: Profile) -> Iterator[Problem]:
    return iter(())


@check(
    "ACC005",
    "sudo does not work through the management server's login",
    area="access",
    severity=ERROR,
    scope=HOST,
    prevents=("F02",),
    unknown=WARNING,
    fix=PREPARE,
    reproduce="ssh HOST sudo -n -l /usr/share/cloudstack-common/scripts/util/keystore-setup   # on the management "
    "server",
)
def sudo_works(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Through its login every management server asks sudo, without a terminal, whether it may run the three programs of
    the join; none is run.

    Where the host's own rules explain the refusal, ACC003 says so; a program that is not there is AGT001's and AGT003's
    matter; without a login there is nothing to ask (ACC004).
    """
    there = {path for path, state in (host.get("agent", "scripts") or {}).items() if state == "executable"}
    for name, server in sorted(servers(host).items()):
        if not (server.get("ssh") or {}).get("ok"):
            continue
        if not server.get("sudo"):
            yield Problem((host.name,), f"an answer of sudo to {name}", not_tried(server, "sudo"), kind=UNKNOWN)
            continue
        refused = [path for path, allowed in sorted(server["sudo"].items()) if allowed is False and path in there]
        if refused and not _fires(_sudo, host):
            yield Problem(
                (host.name,),
                f"sudo without a password through the login from {name}",
                f"{show(refused)}: {server.get('sudo_text')}",
                severity=weight(host),
                fix=fix_for(SUDO, str(server.get("sudo_text") or ""), PREPARE),
            )


@check(
    "ACC006",
    "A management server cannot reach the host",
    area="access",
    severity=ERROR,
    scope=HOST,
    prevents=("F01", "F64"),
    unknown=WARNING,
    fix="give the management servers of the group management_servers their address on the management network "
    "(cloudstack_management_address), run ansible-playbook cloudstack.kvm.prepare_hosts, check firewalls between",
    reproduce="nc -vz HOST 22   # on the management server",
)
def ports_open(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Each management server must reach the host's SSH port. Port 16514 (libvirt over TLS) should at least not be
    dropped on the way: on a candidate nothing listens there yet, so refused is as good as open, and the server itself
    does not use it (a warning).

    A refused SSH port is said at once, a dropped one after 60 s ("The kexTimeout (60000 ms) expired"); both look the
    same as other faults. An sshd that listens on another port is ACC002's matter.
    """
    for name, server in sorted(servers(host).items()):
        if not server.get("ports"):
            yield Problem((host.name,), f"the ports that {name} reaches", not_tried(server, "ports"), kind=UNKNOWN)
        for each in server.get("ports") or ():
            wanted = f"port {each['port']} open for {name}"
            if each["port"] != MIGRATION_TLS and each["state"] != "open" and not _other_port(host):
                yield Problem((host.name,), wanted, each["state"], severity=weight(host))
            elif each["state"] in ("filtered", "unreachable"):
                yield Problem((host.name,), wanted, each["state"], severity=WARNING)
