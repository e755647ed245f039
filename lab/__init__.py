# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal lab: real hosts in containers, a CloudStack simulator, BMCs, and faults to stage."""
