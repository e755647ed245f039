# SPDX-License-Identifier: GPL-3.0-or-later
"""The stanzas are those that ifup reads at boot."""


def test_it_comes_back_after_a_boot(host):
    assert host.run("ifquery cloudbr0 cloudbr1 cloudbr2 eth0").rc == 0
    assert "eth0" not in host.file("/etc/network/interfaces").content_string
