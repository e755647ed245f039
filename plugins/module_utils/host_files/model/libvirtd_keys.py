# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The settings of libvirtd.conf with the type that libvirtd wants, as its own file documents them
(src/remote/libvirtd.conf.in; read by daemonConfigLoadOptions with virConfGetValueBool, -UInt and -String).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TRUTHS = ("listen_tls", "listen_tcp", "mdns_adv", "tls_no_sanity_certificate", "tls_no_verify_certificate")
_NUMBERS = (
    "admin_keepalive_count",
    "admin_keepalive_interval",
    "admin_max_client_requests",
    "admin_max_clients",
    "admin_max_queued_clients",
    "admin_max_workers",
    "admin_min_workers",
    "audit_level",
    "audit_logging",
    "keepalive_count",
    "keepalive_interval",
    "log_level",
    "max_anonymous_clients",
    "max_client_requests",
    "max_clients",
    "max_queued_clients",
    "max_workers",
    "min_workers",
    "ovs_timeout",
    "prio_workers",
    "tcp_min_ssf",
)
_TEXTS = (
    "auth_tcp",
    "auth_tls",
    "auth_unix_ro",
    "auth_unix_rw",
    "ca_file",
    "cert_file",
    "crl_file",
    "host_uuid",
    "host_uuid_source",
    "key_file",
    "listen_addr",
    "log_filters",
    "log_outputs",
    "mdns_name",
    "tcp_port",
    "tls_port",
    "tls_priority",
    "unix_sock_admin_perms",
    "unix_sock_dir",
    "unix_sock_group",
    "unix_sock_ro_perms",
    "unix_sock_rw_perms",
)
NUMBERS_AND_TEXTS = (*_TRUTHS, *_NUMBERS, *_TEXTS)


def wrong_types(settings: Mapping[str, Any]) -> dict[str, str]:
    """Setting -> what is wrong with the type of its value. Settings that are not in the table are passed over."""
    return {key: text for key, value in settings.items() for text in [_wrong(key, value)] if text}


def _wrong(key: str, value: Any) -> str:
    if key in _TRUTHS:
        if isinstance(value, str):
            return f'{key} = "{value}": libvirtd wants the number 0 or 1 without quotes'
        return "" if value in (0, 1) else f"{key} = {value}: libvirtd wants 0 or 1"
    if key in _NUMBERS and isinstance(value, str):
        return f'{key} = "{value}": libvirtd wants a number without quotes'
    if key in _TEXTS and not isinstance(value, str):
        return f"{key} = {value}: libvirtd wants a text in double quotes"
    return ""
