# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml on three bare hosts and an empty CloudStack: predicted, stopped by every kind of bad input, done, left
alone.

The tests of this file are one story and run in order: each starts where the one before has left the lab, so that every
failure is followed by a run that succeeds.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.integration.lab import HOSTS, Lab
from tests.integration.playbooks import ROOT, play, with_callback
from tests.integration.processes import Watcher

pytestmark = pytest.mark.lab
ADDRESSES = {"host1": "10.88.0.11", "host2": "10.88.0.12", "host3": "10.88.0.13"}
SSH_PASSWORD = f"Planted~{secrets.token_hex(8)}"  # made up here: a literal would stand in every clone of this file
UNITS = ("libvirtd", "chrony", "nftables", "cloudstack-agent", "ssh")
MANIFEST = "dpkg -l | sha256sum; find /etc /root /var/lib/dpkg -xdev -type f -printf '%p %m %s %T@\\n' | sort | sha256sum; ip -br addr | grep -v @ | sort"  # noqa: E501
CLOUD_INIT = "/etc/network/interfaces.d/50-cloud-init"
HOLD_APT = """
import fcntl, time
locks = [open(path, "w") for path in ("/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock")]
for lock in locks: fcntl.lockf(lock, fcntl.LOCK_EX)
time.sleep(20)
"""
STARTED = "systemctl show " + " ".join(UNITS) + " -p Id,ActiveEnterTimestampMonotonic"


@pytest.fixture(scope="module")
def bare(lab: Lab) -> Lab:
    """Three hosts that were never touched and a CloudStack without anything."""
    lab.heal()
    for node in ("mgmt1", *HOSTS):
        lab.ctl("recreate", node)
    assert lab.host_states() == {}
    return lab


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """Secrets for the run that a test looks for later, in a file that only its owner may read."""
    path = tmp_path_factory.mktemp("planted") / "secrets.yml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump({"host_registration_password": SSH_PASSWORD}))
    return path


def _stopped(run, host, *parts):
    """The run ended for this host with one message that says all of this."""
    assert run.code != 0, run.output
    mine = [text for text in run.failures if f"[{host}" in text.split("]")[0] + "]"]
    assert len(mine) == 1, f"{len(mine)} messages for {host}: {mine or run.output[-3000:]}"
    for part in parts:
        assert part in mine[0], f"{part!r} is not in: {mine[0]}"


def test_check_mode_on_untouched_hosts_changes_nothing(bare):
    before = {host: bare.ssh(host, MANIFEST) for host in HOSTS}
    run = play("site.yml", bare.inventory, "--check", "--diff")
    assert run.code == 0, run.output[-5000:]
    assert set(run.changed) >= set(HOSTS), "it does not show what it would do"
    for shown in ("cluster1", "cloudbr0", "LIBVIRTD_ARGS", "cloudstack-agent"):
        assert shown in run.output
    assert bare.writes() == 0
    assert {host: bare.ssh(host, MANIFEST) for host in HOSTS} == before


@pytest.mark.parametrize(
    ("extra", "parts"),
    [
        ({"kvm_host_fqnd": "x"}, ["host1", "kvm_host_fqnd", "did you mean kvm_host_fqdn?", "Next"]),
        ({"cloudstack_cluster": ""}, ["host1", "expected cloudstack_zone", "Next"]),
    ],
    ids=["misspelt variable", "no cluster"],
)
def test_mistakes_in_the_inventory_are_found_first(bare, extra, parts):
    run = play("site.yml", bare.inventory, extra=extra)
    _stopped(run, "host1", *parts)
    assert set(run.changed) == set()
    assert bare.writes() == 0


def test_a_login_without_a_way_to_become_root(bare):
    """ssh logs in as root because that is its own account's name; Ansible does not know, and calls sudo, which is not
    there."""
    run = play("prepare_hosts.yml", bare.inventory, "--limit", "host1", extra={"ansible_user": ""})
    _stopped(
        run,
        "host1",
        "Expected: a login as root, or sudo",
        "sudo: not found",
        "ansible_user is not set",
        "Next: set ansible_user: root",
    )


@dataclass(frozen=True)
class WrongNetwork:
    """Bridges that cannot be made on a host, and what is said; `stage` is what is wrong there, and `undo` ends it."""

    bridges: list[dict[str, str]]
    said: list[str]
    stage: str = "true"
    undo: str = "true"


WRONG_NETWORKS = {
    "host1": WrongNetwork([{"name": "cloudbr1", "port": "eth9"}], ["eth9"]),
    "host2": WrongNetwork(
        [{"name": f"cloudbr{number}", "port": f"eth{number}"} for number in range(3)],
        [
            f"{CLOUD_INIT} configures eth1, the port of cloudbr1",
            "iface eth1 inet dhcp",
            "99-disable-network-config.cfg",
        ],
        stage=f"printf 'auto eth1\\niface eth1 inet dhcp\\n' > {CLOUD_INIT}",
        undo=f"rm {CLOUD_INIT}",
    ),
    "host3": WrongNetwork(
        [{"name": "cloudbr0", "port": "eth0", "address": "10.88.0.99/24"}],
        ["eth0, the port of cloudbr0, has its address from a DHCP server", "Next: declare 10.88.0.13/24"],
        # as a DHCP client sets it
        stage="ip address change 10.88.0.13/24 dev eth0 valid_lft 3600 preferred_lft 3600",
        undo="ip address change 10.88.0.13/24 dev eth0 valid_lft forever preferred_lft forever",
    ),
}


def test_networks_that_cannot_be_made_are_refused_before_anything_is_installed(bare):
    """A port that does not exist, one that cloud-init configures, and an address that came by DHCP."""
    for host, wrong in WRONG_NETWORKS.items():
        bare.ssh(host, wrong.stage)
    before = {host: bare.ssh(host, MANIFEST) for host in HOSTS}
    declared = {host: wrong.bridges for host, wrong in WRONG_NETWORKS.items()}
    extra = {"network_bridge_config": "{{ declared_here[inventory_hostname] }}", "declared_here": declared}
    run = play("prepare_hosts.yml", bare.inventory, extra=extra)
    for host, wrong in WRONG_NETWORKS.items():
        _stopped(run, host, *wrong.said)
        assert bare.ssh(host, MANIFEST) == before[host]
        bare.ssh(host, wrong.undo)


def test_refused_export(bare):
    """The first run that installs something: another package manager is at work meanwhile, as after each boot."""
    bare.ssh("host1", f"systemd-run --quiet --collect --unit=lab-apt python3 -c {shlex.quote(HOLD_APT)}")
    bare.fault("export-refused")
    try:
        run = play("prepare_hosts.yml", bare.inventory, "--limit", "host1")
        _stopped(
            run,
            "host1",
            "10.88.2.254:/export/primary",
            "no_root_squash" if "squash" in run.output else "export",
            "Next",
        )
    finally:
        bare.heal()
    done = play("prepare_hosts.yml", bare.inventory, "--limit", "host1")
    assert done.code == 0, done.output[-5000:]
    assert bare.writes() == 0


def test_missing_cluster(bare):
    run = play("add_hosts.yml", bare.inventory, "--limit", "host1")
    _stopped(run, "host1", "zone1", "does not exist", "cloudstack.kvm.register_cluster")
    assert bare.host_states() == {}
    assert play("register_cluster.yml", bare.inventory).code == 0


def test_label_that_no_bridge_carries(bare):
    labels = [{"type": "Management", "label": "cloudbr0"}, {"type": "Guest", "label": "cloudbr7"}]
    writes = bare.writes()
    run = play("add_hosts.yml", bare.inventory, "--limit", "host1", extra={"cluster_traffic_labels": labels})
    _stopped(
        run, "host1", "cloudbr7", "cloudbr0, cloudbr1, cloudbr2", "network_bridge_config", "Nothing was registered"
    )
    assert bare.writes() == writes
    assert bare.host_states() == {}


def test_addhost_that_answers_530(bare):
    bare.fault("api", "530", "--command", "addHost")
    try:
        run = play(
            "add_hosts.yml", bare.inventory, "--limit", "host1", extra={"host_registration_preflight_required": False}
        )
    finally:
        bare.heal()
    _stopped(run, "host1", "did not join cluster1", "expected", "observed", "530", "nothing is left behind", "next")
    assert bare.host_states() == {}


def test_first_run_with_one_host_switched_off(bare, planted):
    """Two hosts join, the third gets one message; and none of the planted secrets is anywhere to be read."""
    planted_secrets = [SSH_PASSWORD, bare.env["CLOUDSTACK_SECRET"], *(bare.secret(f"bmc_{host}") for host in HOSTS)]
    bare.ctl("power", "host3", "off")
    with Watcher(planted_secrets) as processes:
        run = play("site.yml", bare.inventory, "-vvv", "--diff", "-e", f"@{planted}")
    _stopped(run, "host3", "10.88.0.13", "expected an SSH login", "Next", "--limit host3")
    assert bare.host_states() == {ADDRESSES["host1"]: "Up", ADDRESSES["host2"]: "Up"}, run.output[-5000:]

    assert processes.looks > 100
    assert not processes.seen, "a secret stood in the arguments of a process"
    for secret in planted_secrets:
        assert secret not in run.output, "a secret is in the output of -vvv --diff"


def test_no_secret_is_in_a_file_that_others_may_read(bare):
    hidden = (
        "\n".join([SSH_PASSWORD, bare.env["CLOUDSTACK_SECRET"], *(bare.secret(f"bmc_{host}") for host in HOSTS)]) + "\n"
    )
    here = [
        "find",
        "/tmp",
        str(Path.home() / ".ansible"),
        "-xdev",
        "-type",
        "f",
        "-perm",
        "-o+r",
        "-newer",
        str(bare.state / "api.env"),
    ]
    grep = ["-exec", "grep", "-lF", "-f", "/proc/self/fd/0", "{}", ";"]
    assert _grep([*here, *grep], hidden) == ""
    there = (
        "find / -xdev -type f -perm -o+r -newer /etc/hostname -exec grep -lF -f /run/planted {} +; rm -f /run/planted"
    )
    for host in ("host1", "host2"):
        _grep([str(ROOT / "lab" / "labctl"), "ssh", host, "umask 077; cat > /run/planted"], hidden)
        assert bare.ssh(host, f"{there} 2>/dev/null || true").strip() == ""


def _grep(command: list[str], hidden: str) -> str:
    """The command with the secrets on its standard input, as a file: grep opens it once for each file that it
    searches."""
    with (Path("/dev/shm") / f"planted-{os.getpid()}").open("w+") as file:
        Path(file.name).chmod(0o600)
        file.write(hidden)
        file.flush()
        file.seek(0)
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
        Path(file.name).unlink()
    return done.stdout.strip()


def test_run_after_the_repair_brings_the_last_host_up(bare):
    bare.ctl("power", "host3", "on")
    run = play("site.yml", bare.inventory)
    assert run.code == 0, run.output[-5000:]
    assert bare.host_states() == dict.fromkeys(ADDRESSES.values(), "Up")
    power = {
        row["ipaddress"]: row["outofbandmanagement"]
        for row in bare.api.list("listHosts", "host", type="Routing", details="min")
    }
    assert {state["powerstate"] for state in power.values()} == {"On"}
    [pool] = [pool for pool in bare.api.list("listStoragePools", "storagepool") if pool["name"] == "primary1"]
    assert pool["state"] == "Up"
    assert "host[1-3]: zone1/pod1/cluster1, Up and Enabled, power On" in run.output


def test_another_run_changes_and_restarts_nothing_and_stays_in_its_budget(bare, tmp_path):
    started = {host: bare.ssh(host, STARTED) for host in HOSTS}
    writes, count = bare.writes(), tmp_path / "modules"
    count.touch()
    counting = {
        **with_callback("count_modules", ROOT / "benchmarks" / "callback"),
        "COUNT_MODULES_FILE": str(count),
    }
    run = play("site.yml", bare.inventory, env=counting)
    assert run.code == 0, run.output[-5000:]
    assert run.changed == {}, run.output
    assert {host: bare.ssh(host, STARTED) for host in HOSTS} == started
    assert bare.writes() == writes
    per_host = [line.split("\t")[0] for line in count.read_text().splitlines()]
    figures = {host: per_host.count(host) for host in HOSTS}
    print(f"module executions of a run that changes nothing: {figures}")
    assert all(0 < figure <= 30 for figure in figures.values()), figures


def test_bmc_that_refuses_the_password(bare):
    bare.fault("bmc-password", "host1")
    try:
        run = play("configure_oobm.yml", bare.inventory, "--limit", "host1", extra={"oobm_update_password": "always"})
        _stopped(run, "host1", "10.88.0.11", "refuses the password", "oobm_password")
    finally:
        bare.heal()
    assert play("configure_oobm.yml", bare.inventory, "--limit", "host1").code == 0


def test_site_resolves_by_its_name_in_the_collection(bare):
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(bare.inventory),
        "cloudstack.kvm.site",
        "--list-tasks",
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
    )
    assert done.returncode == 0, done.stderr
    assert json.dumps(done.stdout).count("cloudstack.kvm.") > 5
