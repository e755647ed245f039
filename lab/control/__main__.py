# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point: python -m lab.control."""

import sys

from .cli import main

sys.exit(main(sys.argv[1:]))
