# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point: python -m lab.vm."""

import sys

from .cli import main

sys.exit(main(sys.argv[1:]))
