# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the simulator, one file an area. Importing this package registers them."""

from . import certificate, cluster, configuration, ha, host, image_store, job, maintenance, network, oobm, physical_network, pod, storage, system, zone  # noqa: F401
