# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings are edited in place: what is not named stays, and what is already so is no change."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.settings import parse_settings
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.settings import edit_settings
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


@pytest.mark.parametrize(
    ("grammar", "before", "wanted", "after"),
    [
        # nothing there yet
        ("ini_flat", "", {"a": 1}, "a = 1\n"),
        ("libvirt", "x = 1", {"a": "b"}, 'x = 1\na = "b"\n'),
        ("shell", "# c\n", {"A": "b c"}, '# c\nA="b c"\n'),
        # behind its commented default
        ("libvirt", "#a = 0\n# more\n", {"a": 1}, "#a = 0\na = 1\n# more\n"),
        ("ini_flat", "#a=0", {"a": "1"}, "#a=0\na = 1\n"),
        # the file shows the type, whatever YAML made of it
        ("libvirt", '#p = "1"\n', {"p": 2}, '#p = "1"\np = "2"\n'),
        ("libvirt", "#p = 1\n", {"p": "2"}, "#p = 1\np = 2\n"),
        ("libvirt", "p = 1\n", {"p": True}, "p = 1\n"),
        ("libvirt", "p = 1\n", {"p": False}, "p = 0\n"),
        ("libvirt", "", {"p": "16514", "q": 1}, 'p = "16514"\nq = 1\n'),
        # already so, written differently
        ("libvirt", 'a="b" # why\n', {"a": "b"}, 'a="b" # why\n'),
        ("ini_flat", "a=1\n", {"a": 1}, "a=1\n"),
        ("shell", "export A='b'\n", {"A": "b"}, "export A='b'\n"),
        # equal duplicates are no change, different ones are made one
        ("libvirt", "a=1\nb=2\na=1\n", {"a": 1}, "a=1\nb=2\na=1\n"),
        ("libvirt", "a=1\nb=2\na=0\n", {"a": 1}, "b=2\na = 1\n"),
        ("libvirt", "a=0\nb=2\na=1\n", {"a": 1}, "b=2\na = 1\n"),
        # lists over lines
        ("libvirt", 'a = [\n  "x",\n  "y"\n]\nb = 1\n', {"a": ["x"]}, 'a = [ "x" ]\nb = 1\n'),
        ("libvirt", 'a = [\n  "x"\n]\n', {"a": ["x"]}, 'a = [\n  "x"\n]\n'),
        ("libvirt", '#a = [\n#  "x"\n#]\nb = 1\n', {"a": []}, '#a = [\n#  "x"\n#]\na = []\nb = 1\n'),
        # removal
        ("libvirt", "#a = 0\na=1\nb=2\na=1\n", {"a": None}, "#a = 0\nb=2\n"),
        ("ini_flat", "b = 1\n", {"a": None}, "b = 1\n"),
        # the quotes that the file has
        ("shell", "SELINUX=enforcing\n", {"SELINUX": "permissive"}, "SELINUX=permissive\n"),
        ("shell", "A=b\n", {"A": "b c"}, 'A="b c"\n'),
        ("shell", 'A="b"\n', {"A": 'c"$'}, 'A="c\\"\\$"\n'),
    ],
)
def test_edit(grammar, before, wanted, after):
    assert edit_settings(before, wanted, grammar, "x") == after
    assert edit_settings(after, wanted, grammar, "x") == after


def test_what_setup_agent_leaves_is_no_change():
    """Seven lines of vnc_tls after two runs: the next run of the role must not touch the file."""
    qemu = text("qemu_conf/after_two_setup_agent_runs.conf")
    wanted = {"security_driver": "none", "user": "root", "group": "root", "vnc_tls": 1, "vnc_tls_x509_verify": 1}
    assert edit_settings(qemu, wanted, "libvirt", "qemu.conf") == qemu
    libvirtd = text("libvirtd_conf/after_setup_agent.conf")
    assert (
        edit_settings(
            libvirtd, {"listen_tls": 1, "listen_tcp": 0, "tls_port": "16514", "auth_tls": "none"}, "libvirt", "x"
        )
        == libvirtd
    )
    default = text("default_libvirtd/after_setup_agent")
    assert edit_settings(default, {"LIBVIRTD_ARGS": "--listen"}, "shell", "x") == default


def test_packaged_file_keeps_its_comments():
    before = text("libvirtd_conf/as_packaged.conf")
    after = edit_settings(before, {"listen_tls": 1, "tls_port": 16514}, "libvirt", "x")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert added == ["listen_tls = 1", 'tls_port = "16514"']
    assert after.index("#listen_tls = 0") < after.index("\nlisten_tls = 1") < after.index("#tls_port")


@pytest.mark.parametrize(
    ("grammar", "value", "part"),
    [
        ("ini_flat", True, "is a bool"),
        ("shell", ["a"], "is a list"),
        ("libvirt", {"a": 1}, "is a dict"),
        ("libvirt", 'a"b', "no way to write"),
        ("shell", "a\nb", "several lines"),
    ],
)
def test_values_that_cannot_be_written(grammar, value, part):
    with pytest.raises(InputError, match=part) as caught:
        edit_settings("", {"key": value}, grammar, "the.conf")
    assert "the.conf" in str(caught.value)
    assert "key" in str(caught.value)


def test_a_line_that_libvirt_would_refuse_is_not_edited_over():
    with pytest.raises(ParseError, match="line 2"):
        edit_settings("a = 1\nb = yes\n", {"b": "no"}, "libvirt", "x")


LINES = st.lists(
    st.sampled_from(["a=1", "#a = 0", 'b = "x"', "# prose", "", "A='q'", "[section]", "b = 2"]), max_size=8
).map("\n".join)
WRITABLE = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\"'\\"), max_size=10
).map(str.strip)


@given(LINES, st.sampled_from(["a", "b", "A"]), WRITABLE, st.sampled_from(["ini_flat", "shell", "libvirt"]))
def test_what_is_written_is_read_back_and_stable(before, key, value, grammar):
    try:
        after = edit_settings(before, {key: value}, grammar, "x")
    except ParseError:
        return  # the key's own line was not in this grammar
    lines = [line for line in after.split("\n") if line.split("=")[0].strip() == key]
    assert parse_settings("\n".join(lines), grammar, "x") == {key: value}
    assert edit_settings(after, {key: value}, grammar, "x") == after
