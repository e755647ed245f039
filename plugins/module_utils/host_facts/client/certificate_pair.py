# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a private key belong to a certificate? OpenSSL answers, through Python's own binding: no key leaves its file."""

from __future__ import annotations

import ssl

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError

OTHERS = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")


def belongs(certificate: str, key: str) -> bool:
    """Whether the first certificate of a PEM file is for the key of another. Raises CommandError where one of them
    cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")  # a weak key is another matter
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # without this OpenSSL would ask at the terminal
    except ssl.SSLError as error:
        if error.reason in OTHERS:
            return False
        raise CommandError(
            f"{certificate} and {key}: OpenSSL cannot read one of them ({error.reason or 'not PEM'})"
        ) from None
    except OSError as error:
        raise CommandError(f"{certificate} or {key}: {error.strerror}") from None
    return True
