# SPDX-License-Identifier: GPL-3.0-or-later
"""chronyd runs, asks the declared sources only, and the clock is synchronised."""

SOURCES = {"10.88.0.254", "10.88.0.253"}


def test_chronyd_runs_now_and_at_every_boot(host):
    assert host.service("chrony").is_running
    assert host.service("chrony").is_enabled


def test_only_the_declared_sources_are_asked(host):
    rows = [line.split(",") for line in host.check_output("chronyc -n -c sources").splitlines()]
    assert {row[2] for row in rows} == SOURCES


def test_the_clock_is_synchronised_with_one_of_them(host):
    tracking = host.check_output("chronyc -n -c tracking").split(",")
    assert tracking[1] in SOURCES
    assert tracking[13] == "Normal"


def test_configuration(host):
    file = host.file("/etc/chrony/chrony.conf")
    lines = file.content_string.splitlines()
    assert "server 10.88.0.254 iburst" in lines
    assert "server 10.88.0.253 minpoll 4 iburst" in lines
    assert "makestep 1.0 3" in lines
    assert not any(line.startswith(("pool", "sourcedir", "confdir")) for line in lines)
    assert file.mode == 0o644


def test_no_other_time_daemon_runs(host):
    for unit in ("systemd-timesyncd", "ntp", "ntpsec"):
        assert not host.service(unit).is_running


def test_the_time_daemon_of_the_installation_is_gone(host):
    """The package manager removed it for chrony; the role had nothing to stop."""
    assert not host.package("systemd-timesyncd").is_installed
    assert host.run("systemctl is-enabled systemd-timesyncd.service").stdout.strip() in ("", "masked", "not-found")
    assert host.run("systemctl --failed --no-legend --plain").stdout == ""
