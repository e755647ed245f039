#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kvm_host_facts
short_description: Everything about a KVM host that CloudStack depends on, in one run
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Collects operating system, CPU, network, time, storage, libvirt and agent facts in one module run, as values with units, without judging them.
  - What cannot be seen is null or empty, and RV(ansible_facts.kvm_host.unknown) says why. A missing tool never looks like a healthy host.
  - Secrets of C(agent.properties) are left out. Whether its passphrase opens the keystore is found out without telling it to any program.
  - Starts nothing on the host. libvirt's daemon is not asked, because its sockets would start it.
  - Most facts need no privileges. Without them C(agent.properties), the keystore and some files cannot be read, which is then said.
options:
  packages:
    description: Packages whose version is wanted.
    type: list
    elements: str
    default: []
  units:
    description: systemd units whose state is wanted, with their suffix. All are asked for in one call.
    type: list
    elements: str
    default: []
  sysctl:
    description: Kernel settings that are wanted.
    type: list
    elements: str
    default: []
  kernel_modules:
    description: Kernel modules whose state is wanted.
    type: list
    elements: str
    default: []
  files:
    description: Paths to look at. A link is not followed.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  facts:
    description: Returns facts.
    support: full
  platform:
    description: The systems that it runs on.
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: Look at the host
  cloudstack.kvm.kvm_host_facts:
    packages: [libvirt-daemon-system]
    units: [libvirtd.service]
    sysctl: [net.ipv4.ip_forward]
    kernel_modules: [br_netfilter]
    files: [/etc/cloudstack/agent/cloud.crt]
  become: true

- name: Show its bridges
  ansible.builtin.debug:
    var: ansible_facts.kvm_host.bridges
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    kvm_host:
      description: The host.
      returned: always
      type: dict
      contains:
        schema_version:
          description: The form of these facts. Changes when a key goes or changes its meaning, not when one is added.
          returned: always
          type: str
          sample: "1"
        os:
          description: id, version_id, codename, name, family (debian, redhat, suse), kernel and the kernel's command_line.
          returned: always
          type: dict
        arch:
          description: Machine architecture as C(uname -m) says.
          returned: always
          type: str
          sample: x86_64
        hostname:
          description: The short name.
          returned: always
          type: str
        fqdn:
          description: What C(hostname --fqdn) prints, null if it fails (cloudstack-setup-agent then fails too).
          returned: always
          type: str
        machine_id:
          description: C(/etc/machine-id).
          returned: always
          type: str
        cpu:
          description:
            - vendor, model, family, model_id, stepping, microcode, flags, mhz, virtualisation, numa_nodes, and sockets, cores and threads
              of the whole machine. Null if unknown.
          returned: always
          type: dict
        memory:
          description: total_bytes, available_bytes, swap_total_bytes, hugepages_total (pages) and hugepage_bytes (size of one).
          returned: always
          type: dict
        kvm:
          description: device, whether C(/dev/kvm) is there.
          returned: always
          type: dict
        lsm:
          description: apparmor (enabled, disabled) and selinux (enforcing, permissive), null where the kernel has not got it.
          returned: always
          type: dict
        cgroup:
          description: v2 or v1.
          returned: always
          type: str
        interfaces:
          description:
            - Each with name, mac, mtu (bytes), kind (ether, bridge, bond, vlan ...), operstate, carrier, up, master, parent, stp, vlan_id,
              driver, speed_mbps and addresses (with prefix length).
          returned: always
          type: list
          elements: dict
        bridges:
          description: Bridge to ports, mtu, addresses and stp.
          returned: always
          type: dict
        routes:
          description: IPv4 routes with destination, gateway, device, source and metric.
          returned: always
          type: list
          elements: dict
        default_interface:
          description: The interface of the default route.
          returned: always
          type: str
        listeners:
          description: Listening TCP sockets, each with address and port.
          returned: always
          type: list
          elements: dict
        time:
          description:
            - synchronised, source, stratum, offset_s (this clock minus true time, in seconds), leap and sources (each with name, state,
              stratum and reach, the number of answered polls of the last eight). From chrony.
          returned: always
          type: dict
        libvirt:
          description: version, qemu_version, listen_tls, listen_tcp and tls_port as configured, and domains (running guests). Null if unknown.
          returned: always
          type: dict
        java:
          description: version of C(/usr/bin/java).
          returned: always
          type: dict
        nfs:
          description: mounts, each with source, path and options.
          returned: always
          type: dict
        iscsi:
          description: initiator, the initiator's name.
          returned: always
          type: dict
        agent:
          description:
            - present (whether C(agent.properties) is there), version (of the package), properties (without secrets), zeroed (the file holds
              zero bytes, as a hard power-off leaves it), and keystore with present, readable, empty and opens.
            - C(keystore.opens=false) means that C(cloud.jks) has another passphrase than C(agent.properties); every further join fails then.
          returned: always
          type: dict
        packages:
          description: Package to version, null if it is not installed.
          returned: always
          type: dict
        units:
          description: Unit to load, active, sub and unit_file, as systemd calls them (load is not-found for an unknown unit).
          returned: always
          type: dict
        sysctl:
          description: Setting to value, null if the kernel has no such setting.
          returned: always
          type: dict
        kernel_modules:
          description: Module to loaded, builtin or absent.
          returned: always
          type: dict
        files:
          description: Path to exists and, if so, mode, owner, group, target (of a link), size (bytes) and sha256. exists is null if it cannot be told.
          returned: always
          type: dict
        unknown:
          description: What could not be seen, and why.
          returned: always
          type: dict
          sample:
            time: chronyc is not installed
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.client.host_facts import Collector
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.plan import Plan

QUESTIONS = ("packages", "units", "sysctl", "kernel_modules", "files")


def body(module):
    """Collect; there is nothing to plan."""
    facts = Collector({name: module.params[name] for name in QUESTIONS}).collect()
    return Plan(), {"ansible_facts": {"kvm_host": facts}}


def main():
    """Wiring."""
    runtime.run({name: {"type": "list", "elements": "str", "default": []} for name in QUESTIONS}, body, host=platform.node())


if __name__ == "__main__":
    main()
