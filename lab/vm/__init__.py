# SPDX-License-Identifier: GPL-3.0-or-later
"""vmctl: QEMU guests with kernels of their own in the place of the lab's container hosts."""
