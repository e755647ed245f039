# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt: the daemon is asked only while it runs, and by its own socket."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import libvirt_facts

from tests.unit.plugins.captured import text

FILES = {
    "/proc/3478/cmdline": "/usr/sbin/libvirtd\0--listen\0",
    "/proc/3501/cmdline": "/usr/sbin/dnsmasq\0--conf-file=/var/lib/libvirt/dnsmasq/default.conf\0",
    "/etc/libvirt/libvirtd.conf": text("libvirtd_conf/after_setup_agent.conf"),
    "/etc/libvirt/qemu.conf": text("qemu_conf/after_two_setup_agent_runs.conf"),
    "/etc/default/libvirtd": "libvirtd_opts='-l'\nLIBVIRTD_ARGS=\"--listen\"\n",
    "/run/libvirt/qemu/i-2-6-VM.xml": text("domstatus/debian12_guest.xml"),
}
ASKED = {
    "libvirtd": Answer(("libvirtd",), 0, "libvirtd (libvirt) 9.0.0\n"),
    "qemu": Answer(("qemu",), 0, "QEMU emulator version 7.2.22\n"),
    "machines": Answer(("qemu",), 0, text("machine_help/debian12_qemu72.txt")),
    "domcapabilities": Answer(("virsh",), 0, text("domcapabilities/debian12_joined.xml")),
    "capabilities": Answer(("virsh",), 0, text("capabilities/debian12_joined.xml")),
}
NO_SYSTEMD = Answer(("systemctl", "show"), 1, stderr="System has not been booted with systemd")


def _units(**states):
    """Unit (with _ for . and -) -> load/active."""
    blocks = [
        f"Id={name}\nNames={name}\nLoadState={load}\nActiveState={active}\nSubState=x\nUnitFileState=x\n"
        for name, (load, active) in states.items()
    ]
    return Answer(("systemctl", "show"), 0, "\n".join(blocks))


RUNNING = _units(**{"libvirtd.service": ("loaded", "active")})


@pytest.fixture
def host(monkeypatch):
    """A host with these processes in the unit's control group and these files."""
    monkeypatch.setattr(libvirt_facts.fact_files, "running_domains", lambda: ["i-2-6-VM"])

    def collect(processes, units=RUNNING, files=FILES, **answers):
        monkeypatch.setattr(
            libvirt_facts.fact_files, "processes", lambda unit: processes if unit == "libvirtd.service" else []
        )
        monkeypatch.setattr(libvirt_facts.fact_files, "read_or_none", files.get)
        monkeypatch.setattr(libvirt_facts.fact_files, "read", lambda path: _found(files, path))
        unknown = {}
        questions = libvirt_facts.commands("root")
        given = {name: answer for name, answer in {**ASKED, **answers}.items() if name in questions}
        return libvirt_facts.collect({**given, "units": units}, unknown, "root")["libvirt"], unknown, questions

    return collect


def _found(files, path):
    if path not in files:
        raise FileNotFoundError(2, "No such file or directory", path)
    return files[path]


def test_a_running_daemon(host):
    found, unknown, questions = host([3501, 3478])
    assert (found["version"], found["qemu_version"]) == ("9.0.0", "7.2.22")
    assert (found["running"], found["args"], found["masked"]) == (True, ["/usr/sbin/libvirtd", "--listen"], False)
    assert (found["listen_tls"], found["listen_tcp"], found["tls_port"]) == (1, 0, "16514")
    assert (found["security_driver"], found["vnc_listen"]) == ("none", None)
    assert found["host_cpu"]["model"] == "EPYC"
    assert found["default_machine"] == {"pc": "pc-i440fx-7.2", "q35": "pc-q35-7.2"}
    assert found["domains"] == ["i-2-6-VM"]
    assert found["domain_machines"] == {"i-2-6-VM": "pc-i440fx-7.2"}
    assert (found["configured_args"], found["conf_errors"]) == (["--listen"], [])
    assert (found["listen_addr"], found["auth_tls"], found["host_uuid_source"]) == (None, "none", None)
    assert found["uuid"] == "5b742c4b-76d6-4af0-bb3c-738a8a54a341"
    assert (found["cpu_models"]["qemu64"], found["cpu_models"]["phenom"]) == ("yes", "no")
    assert (found["sockets_active"], found["modular_active"]) == ([], [])
    assert questions["domcapabilities"][:4] == (
        "virsh",
        "-q",
        "-c",
        "qemu+unix:///system?socket=/run/libvirt/libvirt-sock",
    )
    assert questions["capabilities"] == (
        "virsh",
        "-q",
        "-r",
        "-c",
        "qemu+unix:///system?socket=/run/libvirt/libvirt-sock-ro",
        "capabilities",
    )
    assert unknown == {}


@pytest.mark.parametrize("processes", [[], [3501], [1]])
def test_a_daemon_that_does_not_run_is_not_asked(host, processes):
    """dnsmasq of the network `default` stays when libvirtd leaves; a process may be gone before it is looked at."""
    found, unknown, questions = host(
        processes, _units(**{"libvirtd.service": ("loaded", "inactive"), "libvirtd.socket": ("loaded", "active")})
    )
    assert not [name for name, argv in questions.items() if argv[0] == "virsh"]
    assert (found["running"], found["args"], found["host_cpu"]) == (False, [], None)
    assert found["sockets_active"] == ["libvirtd.socket"]
    assert all("asking would start it" in unknown[f"libvirt.{name}"] for name in ("host_cpu", "cpu_models", "uuid"))
    assert found["machine_types"]


def test_masked_and_modular(host):
    states = {
        "libvirtd.service": ("masked", "inactive"),
        "virtqemud.service": ("loaded", "active"),
        "virtqemud-ro.socket": ("loaded", "active"),
    }
    found, _unknown, _questions = host([], _units(**states))
    assert (found["masked"], found["modular_active"], found["sockets_active"]) == (
        True,
        ["virtqemud.service"],
        ["virtqemud-ro.socket"],
    )


@pytest.mark.parametrize(
    "answer", [NO_SYSTEMD, Answer(("systemctl", "show"), 0, stderr="Running in chroot, ignoring command 'show'\n")]
)
def test_without_systemd(host, answer):
    found, unknown, _questions = host([3478], answer)
    assert (found["running"], found["masked"], found["sockets_active"], found["modular_active"]) == (
        True,
        None,
        None,
        None,
    )
    assert set(unknown) == {"libvirt.masked", "libvirt.sockets_active", "libvirt.modular_active"}
    assert all("systemctl show" in reason for reason in unknown.values())


def test_a_process_that_may_not_be_seen(host):
    found, unknown, _questions = host([])
    assert (found["running"], found["args"]) == (True, None)
    assert "libvirt.args" in unknown


def test_without_privileges(host):
    found, unknown, _questions = host([3478], files={"/proc/3478/cmdline": FILES["/proc/3478/cmdline"]})
    configured = (*libvirt_facts.DAEMON_KEYS, "security_driver", "vnc_listen")
    assert {found[key] for key in configured} == {None}
    assert set(unknown) == {f"libvirt.{key}" for key in configured}


def test_several_security_drivers(host):
    found, _unknown, _questions = host(
        [3478],
        files={
            **FILES,
            "/etc/libvirt/qemu.conf": 'security_driver = [ "selinux", "apparmor" ]\nvnc_listen = "0.0.0.0"\n',
        },
    )
    assert (found["security_driver"], found["vnc_listen"]) == ("selinux, apparmor", "0.0.0.0")


def test_a_daemon_without_kvm(host):
    failed = Answer(
        ("virsh",),
        1,
        stderr="error: invalid argument: KVM is not supported by '/usr/bin/qemu-system-x86_64' on this host\n",
    )
    found, unknown, _questions = host([3478], domcapabilities=failed)
    assert found["host_cpu"] is None
    assert "KVM is not supported" in unknown["libvirt.host_cpu"]


def test_qemu_that_tells_nothing(host):
    missing = Answer(("qemu",), None, problem="qemu-system-x86_64 is not installed")
    found, unknown, _questions = host([3478], qemu=missing, machines=missing)
    assert (found["qemu_version"], found["machine_types"], found["default_machine"]) == (None, None, None)
    assert {"libvirt.qemu_version", "libvirt.machine_types", "libvirt.default_machine"} <= set(unknown)


@pytest.mark.parametrize(
    "answer", [Answer(("libvirtd",), None, problem="libvirtd is not installed"), Answer(("libvirtd",), 0, "?")]
)
def test_no_libvirt(host, answer):
    found, unknown, _questions = host([], libvirtd=answer)
    assert found is None
    assert "libvirtd" in unknown["libvirt"]


def test_a_guest_whose_file_is_cut_off_shows_no_password(host):
    cut = text("domstatus/debian12_guest.xml")[:-40]
    found, unknown, _questions = host([3478], files={**FILES, "/run/libvirt/qemu/i-2-6-VM.xml": cut})
    assert found["domain_machines"] == {"i-2-6-VM": None}
    assert "not-to-be-shown" not in repr(unknown)
    assert "libvirt.domain_machines.i-2-6-VM" in unknown


def test_a_daemon_that_its_own_file_stops(host):
    files = {**FILES, "/etc/libvirt/libvirtd.conf": 'listen_tls = "1"\n', "/etc/default/libvirtd": "# nothing\n"}
    found, _unknown, _questions = host([3478], files=files)
    assert [each["key"] for each in found["conf_errors"]] == ["listen_tls"]
    assert found["configured_args"] == []
