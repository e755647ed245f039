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
  - Collects operating system, CPU, network, time, storage, libvirt and agent facts in one module run, as values with
    units, without judging them.
  - What cannot be seen is null or empty, and RV(ansible_facts.kvm_host.unknown) says why. A missing tool never looks
    like a healthy host.
  - Secrets of C(agent.properties) are left out. Whether its passphrase opens the keystore is tested without passing
    it to any program.
  - Starts and changes nothing on the host. libvirtd is asked only if it runs, because its sockets would start it.
  - Most facts need no privileges. Without them C(agent.properties), the keystore and some files cannot be read, which
    C(unknown) then says.
  - Packages, units, settings, modules and files that the checks of the pre-flight need are always collected; the
    options add to them.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
  - cloudstack.kvm.attributes.linux
options:
  cloudstack_user:
    description: The account that CloudStack logs in with, whose sudo rules and SSH keys are collected.
    type: str
    default: root
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
    description: Paths to inspect. A link is not followed.
    type: list
    elements: str
    default: []
  clock:
    description:
      - Whether to measure the host's clock too, as M(cloudstack.kvm.clock_offset) does. The time for the facts does not
        count, so the host is asked again only if the connection was slow. With C(async) nothing is measured.
    type: bool
    default: false
  as_variables:
    description:
      - Whether the facts become variables of the host, RV(ansible_facts). Ansible copies those again for each task of
        each host, which a play over many hosts feels.
      - With V(false) they are in the registered result only, as RV(kvm_host).
    type: bool
    default: true
  required:
    description: What roles require, a dictionary for each of them, in addition to the options of the same names.
    type: list
    elements: dict
    default: []
    suboptions:
      packages:
        description: As the option O(packages).
        type: list
        elements: str
        default: []
      units:
        description: As the option O(units).
        type: list
        elements: str
        default: []
      sysctl:
        description: As the option O(sysctl).
        type: list
        elements: str
        default: []
      kernel_modules:
        description: As the option O(kernel_modules).
        type: list
        elements: str
        default: []
      files:
        description: As the option O(files).
        type: list
        elements: str
        default: []
attributes:
  action:
    description: Has an action plugin, for O(clock).
    support: full
  facts:
    description: Returns facts.
    support: full
"""

EXAMPLES = r"""
- name: Collect the facts
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
clock:
  description: As M(cloudstack.kvm.clock_offset) returns it.
  returned: with O(clock)
  type: dict
unknown:
  description: Why RV(clock) is null.
  returned: with O(clock)
  type: dict
kvm_host:
  description: As RV(ansible_facts.kvm_host).
  returned: with O(as_variables=false)
  type: dict
ansible_facts:
  description: The facts.
  returned: with O(as_variables=true)
  type: dict
  contains:
    kvm_host:
      description: The host.
      returned: always
      type: dict
      contains:
        schema_version:
          description: Version of the schema. Changes when a key is removed or changes its meaning, not when one is
            added.
          returned: always
          type: str
          sample: "2"
        collected_at:
          description: When, in seconds since 1970 by the host's own clock.
          returned: always
          type: float
        os:
          description: id, version_id, codename, name, family (debian, redhat, suse), kernel and the kernel's
            command_line.
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
        virtualization:
          description:
            - What the machine runs in, as C(systemd-detect-virt) calls it. A hypervisor is named before a container,
              C(none) is bare metal. Null if unknown.
          returned: always
          type: str
        dmi:
          description: product_uuid and product_serial (root only), product_name, vendor and bios_version, as the
            firmware reports them.
          returned: always
          type: dict
        cpu:
          description:
            - vendor, model, family, model_id, stepping, microcode, flags, mhz, virtualisation, numa_nodes, and sockets,
              cores and threads of the whole machine. Null if unknown.
            - smt (on, off, forceoff, notsupported or notimplemented) and mitigations (CPU flaw to what the kernel does
              about it).
            - agent_mhz is the speed that CloudStack's agent will detect, which need not be mhz.
              C(host.cpu.manual.speed.mhz) is not looked at.
          returned: always
          type: dict
        memory:
          description:
            - total_bytes, available_bytes, swap_total_bytes, hugepages_total (pages) and hugepage_bytes (size of one).
            - numa, each node with node, total_bytes and cpus (as C(0-3)), and hugepages, each size with size_bytes,
              total and free (pages).
            - ksm with run (C(0) off, C(1) the kernel merges equal pages, C(2) it undoes that), null for a kernel
              without it.
          returned: always
          type: dict
        kvm:
          description:
            - device, whether C(/dev/kvm) is there, kvm_ok, whether C(kvm-ok) succeeds (null where it is missing, and
              without the device), and nested, as the parameter of the kernel module says.
          returned: always
          type: dict
        lsm:
          description: apparmor (enabled, disabled) and selinux (enforcing, permissive), null if the kernel does not
            have it.
          returned: always
          type: dict
        cgroup:
          description: v2 or v1.
          returned: always
          type: str
        disk:
          description:
            - The file systems that hold C(/), C(/var) and C(/etc/cloudstack) (or will hold it), each with size_bytes
              and free_bytes. C(/etc/cloudstack) also has writable, false on a file system that is mounted read-only.
          returned: always
          type: dict
        uefi:
          description:
            - firmware, whether the host itself booted by UEFI, configured, the keys of C(uefi.properties) for guests,
              and missing, which of these paths are not there.
          returned: always
          type: dict
        interfaces:
          description:
            - Each with name, mac, mtu (bytes), kind (ether, bridge, bond, vlan ...), operstate, carrier, up, master,
              parent, stp, vlan_id, driver, speed_mbps, addresses (with prefix length), dynamic (those IPv4 addresses
              that are a lease), duplex (full, half), permanent_mac (as built in, null for what has none), and physical
              (a card, or a veth or virtio device that stands for one).
            - bond is null for what is not a bond, else mode, active (the member that an active-backup bond uses) and
              members, each with name, up and speed_mbps.
            - lldp is the neighbour as lldpd hears it, with system, port and chassis. Null where none is heard;
              RV(ansible_facts.kvm_host.unknown) has C(interfaces.lldp) where lldpd could not be asked.
          returned: always
          type: list
          elements: dict
        bridges:
          description:
            - Bridge of Linux to ports, mtu, addresses, stp and multicast, that is snooping, querier (whether it asks
              itself) and querier_heard (whether IGMP queries come in by one of its ports).
          returned: always
          type: dict
        ovs:
          description:
            - bridges of Open vSwitch by name, fake bridges too, each with ports, parent and vlan (both null but of a
              fake bridge). A port has name, tag, trunks, bond_mode and interfaces, and an interface name, type (empty
              for a card of the kernel), peer (of a patch port), admin_state, link_state, mtu and speed_mbps.
            - Null where Open vSwitch is not installed, or where C(ovs-vsctl) failed.
          returned: always
          type: dict
        evpn_sessions:
          description:
            - Neighbour to the state of the BGP session in which FRR speaks EVPN with it, C(Established) if it is up.
              Empty where FRR runs no bgpd.
            - Null where FRR is not installed, or where C(vtysh) failed.
          returned: always
          type: dict
        rules:
          description:
            - The rules of policy routing beside the three that every host has, each with priority and text. Null if
              unknown.
          returned: always
          type: list
          elements: dict
        routes:
          description:
            - IPv4 routes of the main table with destination, gateway, device, source, metric and nexthops (gateway and
              device of each, of a route with several; such a route has no gateway and device of its own).
          returned: always
          type: list
          elements: dict
        routes6:
          description: IPv6 routes, as RV(ansible_facts.kvm_host.routes). Null if unknown.
          returned: always
          type: list
          elements: dict
        default_interface:
          description: The interface of the default route.
          returned: always
          type: str
        resolver:
          description:
            - servers (behind the stub of systemd-resolved its own servers), forward (all addresses that the host's own
              fqdn resolves to) and reverse (own IPv4 address, loopback and link-local left out, to its name; null where
              it has none).
            - took_s, each look-up that took a second or longer with its seconds.
            - Asked through the host's own nsswitch.conf, so C(/etc/hosts) counts. A server that says there is no such
              name and one that does not answer in time look alike in reverse and forward (null and empty).
          returned: always
          type: dict
        listeners:
          description: Listening TCP sockets, each with address and port.
          returned: always
          type: list
          elements: dict
        firewall:
          description:
            - nft is the list of objects of C(nft -j list ruleset) that decide about incoming packets, as nft prints
              them but without handles, counters and expiry times. These are tables, chains with a hook input, the
              chains that they jump to, the rules and the sets and maps these use. C([]) means no rules.
            - forward_policy is drop, accept or none (no chain with a hook forward). With several chains, drop if one of
              them drops.
            - tools (nft and iptables, whether installed), bridge_nf (net.bridge.bridge-nf-call-iptables as C(0) or
              C(1), null without br_netfilter) and docker0 (whether Docker's bridge is there).
            - nft and forward_policy are null if they cannot be seen, also where iptables-legacy holds rules, which nft
              does not show.
          returned: always
          type: dict
        time:
          description:
            - synchronised, source, reference_id (C(7F7F0101) is the host's own clock), stratum, offset_s (this clock
              minus true time, in seconds), leap and sources (each with name, state, stratum and reach, the number of
              answered polls of the last eight). From chrony.
            - kernel_synchronised is what the kernel was told by whatever sets the clock (adjtimex), ptp the
              running units of linuxptp.
            - service is the running time service, chrony, systemd-timesyncd, ntp or none. Two running ones are both
              named, C(chrony, ntp).
          returned: always
          type: dict
        libvirt:
          description:
            - version, qemu_version, listen_tls, listen_tcp, tls_port, security_driver and vnc_listen as configured
              (null where not set), and domains (running guests). Null if unknown.
            - running (whether C(libvirtd.service) is active), args (the command line of its process), masked,
              sockets_active (socket units of libvirtd and of the modular daemons) and modular_active (services of the
              modular daemons).
            - host_cpu is the CPU that a guest gets with host-model, with model, vendor, fallback, features (name to
              require or disable) and xml, as C(virsh hypervisor-cpu-compare) takes it. Null where libvirtd does not
              run.
            - machine_types of QEMU, and default_machine, which of them C(pc) and C(q35) stand for. domain_machines is
              running guest to its machine type, null where its file does not tell it.
            - uuid, by which libvirt knows the host, and cpu_models, each model for mode custom with C(yes), C(no) or
              C(unknown), whether guests can have it here. Null where libvirtd does not run.
            - listen_addr, auth_tls, host_uuid and host_uuid_source as in C(libvirtd.conf), null where not set.
              conf_errors are its lines that libvirtd refuses, each with key (empty for what is no setting) and text.
              configured_args are the words of LIBVIRTD_ARGS for the unit.
          returned: always
          type: dict
        java:
          description: version of Java and path_ok, whether C(/usr/bin/java), the only one that the agent's unit starts,
            can be executed.
          returned: always
          type: dict
        nfs:
          description: mounts, each with source, path and options, and client, whether C(mount.nfs) is installed.
          returned: always
          type: dict
        iscsi:
          description: initiator, the initiator's name.
          returned: always
          type: dict
        nvme:
          description: hostnqn, the name of the host for NVMe over a network, null without one.
          returned: always
          type: dict
        mounts:
          description: File systems that hold files, each with source, path, type and noexec. What belongs to the
            kernel, to containers and to logins is left out.
          returned: always
          type: list
          elements: dict
        agent:
          description:
            - present (whether C(agent.properties) is there), version (of the package), common_version (of
              cloudstack-common), properties (without secrets), zeroed (the file holds zero bytes, as a hard power-off
              leaves it), and keystore with present, readable, empty and opens. repeated is each key of the file that
              stands there more than once, with how often.
            - C(keystore.opens=false) means that C(cloud.jks) has another passphrase than C(agent.properties); every
              further join fails then. It is false too where the passphrase is lost, because the join makes a new one.
            - certificate (C(cloud.crt)) and libvirt_certificate (C(/etc/pki/libvirt/servercert.pem)), each with
              subject_cn, issuer_cn, not_before and not_after (ISO 8601, UTC) and names (entries of the subject
              alternative name, such as C(IP Address:10.88.0.11)). Null where there is none;
              RV(ansible_facts.kvm_host.unknown) has C(agent.certificate) where there is one that cannot be read.
            - key_matches and libvirt_key_matches, whether each of the two certificates is for the private key beside
              it. Null where one of the two files is not there.
            - python, what C(/usr/bin/python3) says to the imports of cloudstack-setup-agent (cloudutils) and of the
              security groups (libvirt), each with ok and text, null before the package is there.
            - tmpdir, the folder into which the agent's Java unpacks native code, with path and noexec.
            - csr (whether C(cloud.csr) holds anything), scripts (path to C(executable), C(not executable) or
              C(absent)), keytool (its path, null without one).
            - jars with foreign, what lies in the agent's lib folder without belonging to a package. Null if that is not
              known.
            - unit of C(cloudstack-agent.service) with active and enabled as systemd calls them (C(not-found) in both
              without the unit) and restarts (by systemd since it was last started by hand). Null if unknown.
          returned: always
          type: dict
        ssh:
          description:
            - settings as C(sshd -T) prints them for the CloudStack account, null if unknown (needs root).
              permitrootlogin, passwordauthentication, pubkeyauthentication, authenticationmethods,
              authorizedkeyscommand and forcecommand as text. port, allowusers, denyusers, allowgroups, denygroups,
              authorizedkeysfile, ciphers, macs, kexalgorithms, hostkeyalgorithms and pubkeyacceptedalgorithms as lists,
              empty where not set.
            - depends_on_address says that C(sshd_config) has a Match on an address or host, so that the management
              server may meet other settings than these.
            - host_keys are the fingerprints of the host's own keys, as C(ssh-keygen -l) prints them.
            - authorized_keys (of root and of the CloudStack account, each key as C(<type> <base64>)). Keys that only
              start one command, and keys of certificate authorities, are left out. Null for an account whose files
              cannot be read.
          returned: always
          type: dict
        sudo:
          description:
            - user, installed, requiretty and noexec (Defaults that break the join), secure_path (a list of folders,
              null where sudo leaves PATH alone), and commands, whether each of the
              commands of a join may be run as root by this account without a password. root is never asked for one.
              Null if unknown (needs root).
          returned: always
          type: dict
        bmc:
          description:
            - The BMC as seen in band, with in_band, guid (lower case, as C(ipmitool mc guid)), address, mac and
              channel_access (the access mode in use of its first LAN channel, such as C(always available) or
              C(disabled)). Null where the kernel has no IPMI device; RV(ansible_facts.kvm_host.unknown) says so.
            - cipher_suites are the numbers that the BMC offers, cipher_privileges a letter for each of them (C(X) is
              not to be used), lockout the bad passwords until an account is locked, 0 for never.
            - accounts are those of the LAN channel that have a name, each with user_id, name, privilege (lower case)
              and messaging, whether it may use IPMI over LAN.
          returned: always
          type: dict
        programs:
          description: Program that a join, the agent or a check starts to its path, null if it is not installed.
          returned: always
          type: dict
        packages:
          description: Package to version, null if it is not installed.
          returned: always
          type: dict
        units:
          description: Unit to load, active, sub and unit_file, as systemd calls them (load is not-found for an unknown
            unit).
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
          description: Path to exists and, if so, mode, owner, group, target (of a link), size (bytes), sha256 and
            entries (names in it, of a directory). exists is null if it cannot be told.
          returned: always
          type: dict
        unknown:
          description: What could not be determined, and why.
          returned: always
          type: dict
          sample:
            time: chronyc is not installed
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.host_facts import Collector

QUESTIONS = ("packages", "units", "sysctl", "kernel_modules", "files")


def body(module):
    """Collect; there is nothing to plan."""
    parts = [module.params, *module.params["required"]]
    wanted = {name: [each for part in parts for each in part[name]] for name in QUESTIONS}
    facts = Collector(wanted, module.params["cloudstack_user"]).collect()
    found = {"kvm_host": facts}
    return Plan(), {"ansible_facts": found} if module.params["as_variables"] else found


def main():
    """Wiring."""
    questions: dict[str, dict] = {name: {"type": "list", "elements": "str", "default": []} for name in QUESTIONS}
    spec = {
        **questions,
        "required": {"type": "list", "elements": "dict", "default": [], "options": questions},
        "clock": {"type": "bool", "default": False},  # the action plugin's
        "as_variables": {"type": "bool", "default": True},
        "cloudstack_user": {"type": "str", "default": "root"},
    }
    runtime.run(spec, body, host=platform.node())


if __name__ == "__main__":
    main()
