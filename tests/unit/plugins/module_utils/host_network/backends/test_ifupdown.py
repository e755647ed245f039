# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the login comes from, also below sudo, which drops SSH_CONNECTION."""

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.ifupdown import caller


def processes(tmp_path, *chain):
    """/proc with a chain of processes, the module's own first; each with its environment."""
    names = ["self", *(str(number) for number in range(50, 50 - len(chain) + 1, -1))]
    for place, environment in enumerate(chain):
        folder = tmp_path / names[place]
        folder.mkdir()
        (folder / "environ").write_bytes(b"\0".join(environment))
        parent = names[place + 1] if place + 1 < len(chain) else "1"
        (folder / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")
    return str(tmp_path)


SSH = b"SSH_CONNECTION=10.88.0.1 40000 10.88.0.11 22"


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ([[b"PATH=/bin", SSH]], "10.88.0.1"),
        ([[b"SUDO_USER=ops"], [b"PATH=/bin"], [SSH]], "10.88.0.1"),
        ([[b"PATH=/bin"], [b""]], None),
        ([[b"no equals sign"]], None),
    ],
)
def test_the_nearest_process_with_a_login_tells(tmp_path, chain, address):
    assert caller(processes(tmp_path, *chain)) == address


def test_without_processes_nothing_is_known(tmp_path):
    assert caller(str(tmp_path)) is None
