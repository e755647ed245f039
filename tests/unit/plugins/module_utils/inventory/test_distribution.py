# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between distributions: the more specific name wins, key by key, and an unknown distribution is refused
in words."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.distribution import for_distribution

DATA = {
    "debian": {"unit": "chrony", "file": "family"},
    "ubuntu": {"file": "id"},
    "ubuntu_24.04": {"file": "id and version"},
    "redhat": {"unit": "chronyd", "file": "family"},
    "redhat_8": {"file": "family and major version"},
}


@pytest.mark.parametrize(
    ("family", "name", "version", "expected"),
    [
        ("debian", "debian", "12", {"unit": "chrony", "file": "family"}),
        ("debian", "debian", None, {"unit": "chrony", "file": "family"}),
        ("debian", "ubuntu", "22.04", {"unit": "chrony", "file": "id"}),
        ("debian", "ubuntu", "24.04", {"unit": "chrony", "file": "id and version"}),
        ("redhat", "rocky", "9.4", {"unit": "chronyd", "file": "family"}),
        ("redhat", "rocky", "8.10", {"unit": "chronyd", "file": "family and major version"}),
    ],
)
def test_the_more_specific_name_wins(family, name, version, expected):
    assert for_distribution(DATA, {"family": family, "id": name, "version_id": version}, "host1") == expected


def test_a_distribution_without_data_is_refused_with_what_there_is():
    with pytest.raises(InputError) as refused:
        for_distribution(
            {"redhat": {}, "debian": {}}, {"family": "suse", "id": "opensuse-leap", "version_id": "15.6"}, "host7"
        )
    for part in (
        "host7:",
        "Expected: debian, redhat.",
        "Observed: opensuse-leap 15.6 (family suse).",
        "Next:",
        "Reproduce: cat /etc/os-release",
    ):
        assert part in str(refused.value)
