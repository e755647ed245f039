# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudStack management server 4.22.1.0 as a state machine behind its real API. Its yardstick is
tests/fixtures/recorded."""

VERSION = "4.22.1.0"
