#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: path_mtu
short_description: Find out which packet sizes pass from this host to its peers, all at the same time
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Sends ICMP echo requests that must not be fragmented to all peers at the same time. A small one comes first, because
    a large one proves nothing where no packet passes at all, then one of the required size, and if that fails as many
    as it takes to find the largest size that passes.
  - Measures loss and round trips at the same time, and reports what it knows about the cause - a layer of this host,
    a router, no device at the address, a firewall.
  - Sizes are those of whole IP packets, as an MTU counts them.
  - Starts no process and changes nothing, so nothing is left when it is killed. It ends by itself on SIGTERM or SIGHUP,
    when its output has no reader any more because the connection to the controller is gone, and in any case when
    O(time_limit) is over.
  - Needs root, or at least that the kernel lets the user send echo requests (C(net.ipv4.ping_group_range)). Without
    root it does not hear the requests of its peers, and needs three seconds to find out that no device has an address.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  host:
    description: Name of this host in RV(outcomes).
    type: str
    required: true
  networks:
    description: The networks to probe. Each needs at least one of O(networks[].device) and O(networks[].source).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The traffic label, or any other name that O(probes[].network) uses.
        type: str
        required: true
      device:
        description:
          - The bridge, VLAN device or interface that carries this traffic on this host.
          - By default the one that has O(networks[].source).
        type: str
      source:
        description:
          - Own address. By default the one on O(networks[].device) that is in the same network as most of the peers.
        type: str
  probes:
    description: The probes, in the order of the result.
    type: list
    elements: dict
    required: true
    suboptions:
      network:
        description: One of O(networks).
        type: str
        required: true
      peer:
        description: The other host's name.
        type: str
        required: true
      address:
        description: Its IPv4 or IPv6 address on this network.
        type: str
        required: true
      size:
        description:
          - Bytes of the packet that must pass there and back, 68 (IPv6 1280) to 65535.
          - If it is more than the device's MTU none of this size is sent, and the device is named as the cause.
        type: int
        required: true
  count:
    description:
      - Small packets to each peer, for loss and round trips.
      - Loss below one in O(count) times the number of peers cannot be seen.
    type: int
    default: 20
  interval:
    description: Seconds between two of them to the same peer.
    type: float
    default: 0.03
  timeout:
    description:
      - Seconds until a packet counts as lost at the latest.
      - Within this time the first one is sent eight times, at growing intervals.
    type: float
    default: 1
  packets_per_second:
    description: Maximum packets per second sent by this host, a tenth of it at once.
    type: int
    default: 1000
  time_limit:
    description: Time limit of the whole run, in seconds. What is not decided by then has the failure V(not_asked).
    type: float
    default: 30
  listen_s:
    description:
      - Seconds, from the start, to listen for requests from peers, even if all own requests are answered earlier.
      - What is heard shows the direction of a one-way loss, so more is better if Ansible does not start all hosts at
        the same time.
    type: float
    default: 1
  larger:
    description:
      - Find out whether larger packets than required pass, up to the device's MTU. That is information, not an error.
    type: bool
    default: false
  direction:
    description:
      - Find out in which direction the large packets get lost, by UDP to port 33434, whose answer is small in any case.
      - Six datagrams to each peer that answers small packets only, as its kernel answers six at once and then one a
        second.
    type: bool
    default: false
  duplicates:
    description: Ask twice which device has each address on the same link, and return all that answer. Needs root.
    type: bool
    default: false
  tcp_port:
    description:
      - The port to which TCP connects where no echo is answered, to tell a filter from a dead host. V(0) does not try.
    type: int
    default: 22
"""

EXAMPLES = r"""
- name: Jumbo frames pass to the two other hosts
  cloudstack.kvm.path_mtu:
    host: "{{ inventory_hostname }}"
    networks:
      - {name: storage, device: cloudbr2}
    probes:
      - {network: storage, peer: host2, address: 192.0.2.12, size: 9000}
      - {network: storage, peer: host3, address: 192.0.2.13, size: 9000}
  become: true
"""

RETURN = r"""
outcomes:
  description: One entry for each probe, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: As given.
      returned: always
      type: str
    network:
      description: As given.
      returned: always
      type: str
    peer:
      description: As given.
      returned: always
      type: str
    address:
      description: As given.
      returned: always
      type: str
    size:
      description: As given.
      returned: always
      type: int
    control:
      description: A small packet was answered.
      returned: always
      type: bool
    passed:
      description: One of the required size was. Null if that was not tried.
      returned: always
      type: bool
    path_mtu:
      description: The largest packet that is answered, as far as it was asked; null if unknown.
      returned: always
      type: int
    failure:
      description:
        - Empty if it passed. V(local), a device of this host is too small; V(router), a router said that the packet is
          too large; V(too_large), it got lost and smaller ones did not; V(silent), not even a small packet is answered;
          V(no_neighbour), no device answers ARP or neighbour discovery; V(prohibited), a firewall or router refused it;
          V(no_address) and V(no_route), this host has no address or route to ask from; V(not_asked), time was over, or
          this host's kernel had no room for the packets.
      returned: always
      type: str
    text:
      description: Who said so, or which layer of this host it is, in words.
      returned: always
      type: str
    router:
      description: The address that sent an ICMP error.
      returned: always
      type: str
    sent:
      description: Small packets sent.
      returned: always
      type: int
    lost:
      description: Those of them that were not answered. What this host's kernel had no room for counts as not sent.
      returned: always
      type: int
    bursts:
      description: How often some of them were lost in a row; of more than five, each five count.
      returned: always
      type: int
    rtt_min_ms:
      description: The shortest round trip, without the first one, which waits for ARP. Null without an answer.
      returned: always
      type: float
    rtt_avg_ms:
      description: Their mean.
      returned: always
      type: float
    rtt_p99_ms:
      description: 99 of 100 are not longer.
      returned: always
      type: float
    fragmented:
      description: The answer came in fragments though the question forbade them, because the peer's own MTU is smaller.
      returned: always
      type: bool
    forward:
      description:
        - A large packet gets there, so the way back is at fault; false if it does not.
        - Null if it was not tried or there was no answer at all.
      returned: always
      type: bool
    neighbour:
      description: The MAC at which the peer was reached, empty if unknown or behind a router.
      returned: always
      type: str
    neighbours:
      description:
        - The MACs that answered when this module asked who has the address.
        - Two of them are two hosts with the same address.
      returned: always
      type: list
      elements: str
    tcp:
      description: A TCP connection was accepted or refused. Null if it was not tried.
      returned: always
      type: bool
heard:
  description: Small echo requests from other hosts that arrived in the meantime.
  returned: success
  type: list
  elements: dict
  contains:
    network:
      description: Where.
      returned: always
      type: str
    address:
      description: Who sent them.
      returned: always
      type: str
    count:
      description: How many.
      returned: always
      type: int
    first:
      description: Sequence number of the first one; every run begins with 0.
      returned: always
      type: int
    last:
      description: That of the last one. The peer sent all between.
      returned: always
      type: int
    fragmented:
      description: A request of this host came in fragments, so a device on the way ignores that this is forbidden.
      returned: always
      type: bool
networks:
  description: The devices and addresses used, and the MTU of each layer of this host.
  returned: success
  type: list
  elements: dict
  sample:
    - name: storage
      version: 4
      device: cloudbr2
      source: 192.0.2.11
      mtu: 9000
      layers: [{name: cloudbr2, mtu: 9000}]
      text: ""
privileged:
  description: Whether it could listen to its peers and ask for their MACs.
  returned: success
  type: bool
packets_sent:
  description: How many packets were sent in all.
  returned: success
  type: int
seconds:
  description: How long it took.
  returned: success
  type: float
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.request import OPTIONS, validate
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.run import pack, probe_peers


def body(module):
    validate(module.params, pack)
    return Plan(), probe_peers(module.params)


def main():
    runtime.run(OPTIONS, body)


if __name__ == "__main__":
    main()
