# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of agent.properties that the agent of CloudStack 4.22.1 reads, with their types."""

from __future__ import annotations

_INT = (
    "agent.script.timeout",
    "backoff.seconds",
    "cmds.timeout",
    "consoleproxy.httpListenPort",
    "host.cpu.manual.speed.mhz",
    "host.overcommit.mem.mb",
    "host.reserved.cpu.count",
    "host.reserved.mem.mb",
    "incremental.snapshot.retry.rebase.wait",
    "incremental.snapshot.timeout",
    "iothreads",
    "ping.retries",
    "port",
    "qcow2.delta.merge.timeout",
    "revert.snapshot.timeout",
    "ssl.handshake.timeout",
    "stop.script.timeout",
    "vm.diskactivity.checktimeout_s",
    "vm.memballoon.stats.period",
    "vm.migrate.domain.retrieve.timeout",
    "vm.migrate.downtime",
    "vm.migrate.pauseafter",
    "vm.migrate.speed",
    "vm.migrate.wait",
    "vm.rng.rate.bytes",
    "vm.rng.rate.period",
    "vm.video.ram",
    "workers",
)
_LONG = (
    "heartbeat.update.timeout",
    "host.lb.check.interval",
    "kvm.heartbeat.checker.timeout",
    "kvm.heartbeat.update.frequency",
    "kvm.heartbeat.update.max.tries",
    "kvm.heartbeat.update.retry.sleep",
    "router.aggregation.command.each.timeout",
    "vm.diskactivity.inactivetime_ms",
)
_BOOL = (
    "create.full.clone",
    "developer",
    "enable.manually.setting.cpu.topology.on.kvm.vm",
    "iscsi.session.cleanup.enabled",
    "kvmclock.disable",
    "libvirt.events.enabled",
    "openvswitch.dpdk.enabled",
    "reboot.host.and.alert.management.on.heartbeat.timeout",
    "rolling.maintenance.service.executor.disabled",
    "virtv2v.verbose.enabled",
    "vm.diskactivity.checkenabled",
    "vm.memballoon.disable",
    "vm.rng.enable",
)
_STR = (
    "agent.health.check.script.path",
    "agent.hooks.basedir",
    "agent.hooks.libvirt_vm_on_start.method",
    "agent.hooks.libvirt_vm_on_start.script",
    "agent.hooks.libvirt_vm_on_start.shell_script",
    "agent.hooks.libvirt_vm_on_stop.method",
    "agent.hooks.libvirt_vm_on_stop.script",
    "agent.hooks.libvirt_vm_on_stop.shell_script",
    "agent.hooks.libvirt_vm_xml_transformer.method",
    "agent.hooks.libvirt_vm_xml_transformer.script",
    "agent.hooks.libvirt_vm_xml_transformer.shell_script",
    "cluster",
    "control.cidr",
    "convert.instance.env.tmpdir",
    "convert.instance.env.virtv2v.tmpdir",
    "direct.download.temporary.download.location",
    "domr.scripts.dir",
    "guest.cpu.arch",
    "guest.cpu.features",
    "guest.cpu.mode",
    "guest.cpu.model",
    "guest.network.device",
    "guid",
    "host",
    "host.cache.location",
    "host.tags",
    "hypervisor.scripts.dir",
    "hypervisor.type",
    "hypervisor.uri",
    "instance",
    "keystore.passphrase",
    "kvm.scripts.dir",
    "libvirt.vif.driver",
    "local.storage.path",
    "local.storage.uuid",
    "mount.path",
    "network.bridge.type",
    "network.direct.device",
    "network.direct.source.mode",
    "network.scripts.dir",
    "openvswitch.dpdk.ovs.path",
    "pod",
    "pool",
    "private.bridge.name",
    "private.ipaddr.start",
    "private.macaddr.start",
    "private.network.device",
    "private.network.name",
    "public.network.device",
    "qemu.sockets.path",
    "resource",
    "rolling.maintenance.hooks.dir",
    "storage.network.device",
    "storage.network.device.2",
    "storage.scripts.dir",
    "systemvm.iso.path",
    "tungsten.scripts.dir",
    "vddk.lib.dir",
    "vddk.thumbprint",
    "vddk.transports",
    "vm.rng.model",
    "vm.rng.path",
    "vm.video.hardware",
    "vm.watchdog.action",
    "vm.watchdog.model",
    "zone",
)
KEY_TYPES = {
    **dict.fromkeys(_INT, "int"),
    **dict.fromkeys(_LONG, "long"),
    **dict.fromkeys(_BOOL, "bool"),
    **dict.fromkeys(_STR, "str"),
}
# Written by cloudstack-setup-agent and the server at the join; setting them by hand breaks the host's identity.
OWNED = ("guid", "zone", "pod", "cluster", "host", "keystore.passphrase", "local.storage.uuid")
# Java's Integer and Long.
RANGES = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_PORT, _COUNT, _POSITIVE = (1, 65535), (0, 2**31 - 1), (1, 2**31 - 1)
# Narrower than the type: what the agent can use (reference table of agent-properties, LibvirtComputingResource.java of
# 4.22.1). Where it knows a value for "off" (-1, 0) that is in the range.
KEY_RANGES = {
    "agent.script.timeout": _POSITIVE,
    "backoff.seconds": _COUNT,
    "cmds.timeout": _POSITIVE,
    "consoleproxy.httpListenPort": _PORT,
    "heartbeat.update.timeout": (1000, 2**63 - 1),
    "host.cpu.manual.speed.mhz": _COUNT,
    "host.lb.check.interval": _COUNT,
    "host.overcommit.mem.mb": _COUNT,
    "host.reserved.cpu.count": _COUNT,
    "host.reserved.mem.mb": _COUNT,
    "incremental.snapshot.retry.rebase.wait": _COUNT,
    "incremental.snapshot.timeout": _POSITIVE,
    "iothreads": _COUNT,
    "kvm.heartbeat.checker.timeout": (1000, 2**63 - 1),
    "kvm.heartbeat.update.frequency": (1000, 2**63 - 1),
    "kvm.heartbeat.update.max.tries": _POSITIVE,
    "kvm.heartbeat.update.retry.sleep": _COUNT,
    "ping.retries": _POSITIVE,
    "port": _PORT,
    "revert.snapshot.timeout": _POSITIVE,
    "ssl.handshake.timeout": _POSITIVE,
    "stop.script.timeout": _POSITIVE,
    "vm.diskactivity.checktimeout_s": _POSITIVE,
    "vm.diskactivity.inactivetime_ms": _COUNT,
    "vm.memballoon.stats.period": _COUNT,
    "vm.migrate.domain.retrieve.timeout": _POSITIVE,
    "vm.migrate.speed": (-1, 2**31 - 1),
    "vm.rng.rate.bytes": _POSITIVE,
    "vm.rng.rate.period": _POSITIVE,
    "vm.video.ram": _COUNT,
}
# The agent takes anything else for its default, or does not start.
CHOICES = {
    "guest.cpu.arch": ("x86_64", "aarch64", "s390x"),
    "guest.cpu.mode": ("custom", "host-model", "host-passthrough"),
    "hypervisor.type": ("kvm", "lxc"),
    "network.bridge.type": ("native", "openvswitch"),
    "network.direct.source.mode": ("private", "bridge", "vepa"),
    "vm.rng.model": ("random", "egd"),
    "vm.watchdog.action": ("none", "reset", "shutdown", "poweroff", "pause", "dump", "inject_nmi"),
    "vm.watchdog.model": ("i6300esb", "ib700", "diag288", "itco", "none"),
}
# Of these upper and lower case are the same to the agent: valueOf(value.toUpperCase()).
ANY_CASE = ("network.bridge.type", "vm.rng.model", "vm.watchdog.action", "vm.watchdog.model")
# With another value LibvirtComputingResource.configure() ends in an exception, and the agent does not start.
STOPS_THE_AGENT = ("network.bridge.type", "vm.watchdog.action", "vm.watchdog.model")
# What the agent reads beyond KEY_TYPES: VirtualRoutingResource, LibvirtComputingResource and its subclasses.
READ_TOO = (
    "libvirt.host.bridges",
    "libvirt.host.pifs",
    "libvirtVersion",
    "negative.reply",
    "scripts.timeout",
    "ssh.port",
    "ssh.retry",
    "ssh.sleep",
)
KEY_PREFIXES = ("libvirt.vif.driver.", "LibvirtComputingResource.")
# What BooleanConverter of Apache Commons BeanUtils takes, in whatever case. Everything else is false.
TRUE, FALSE = ("true", "yes", "y", "on", "1"), ("false", "no", "n", "off", "0")
# Keys of 4.23: unknown to 4.22, and no mistake.
NEWER_KEYS = (
    "backup.compression.max.concurrent.operations.per.host",
    "backup.validation.max.concurrent.operations.per.host",
    "image.server.listen.address",
    "image.server.tls.enabled",
    "network.vxlan.mode",
    "vm.network.macip.static",
)
# Names of instructions on the web that no agent reads, and the setting that was meant.
NO_SUCH_KEYS = {
    "executor.pool.size": "workers",
    "ha.enabled": "the zone's setting vm.ha.enabled",
    "ha.tag": "the global setting ha.tag",
    "ha.workers": "the global setting ha.workers",
    "heartbeat.update.interval": "kvm.heartbeat.update.frequency",
    "markDefaultHostForMaintenance": "nothing; CloudStack has no such setting",
    "ping.interval": "the global setting ping.interval",
    "ping.timeout": "the global setting ping.timeout",
    "router.check.interval": "the global setting router.check.interval",
}
# A value of these does not last (Agent.java, LibvirtComputingResource.java of 4.22.1).
OVERWRITTEN = {
    "router.aggregation.command.each.timeout": "at every connect by what the management server sends",
    "vm.migrate.wait": "at every connect by the global setting migratewait",
}
