# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A storage pool that the host cannot use keeps it out: the management server connects every shared pool of the cluster
and the zone when an agent connects (StoragePoolMonitor.java:111-190 of CloudStack 4.22.1). LSA is
plugins/hypervisors/kvm/src/main/java/com/cloud/hypervisor/kvm/storage/LibvirtStorageAdaptor.java.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import Rule, alert, any_of, in_pool

EVERY_POOL = "a host that can use every shared pool of its cluster and zone"
AGAIN = "then run again"

POOL_RULES: tuple[Rule, ...] = (
    Rule(
        name="pool-ca-unknown",
        # the agent's own connection says "wrap data" or comes from utils.nio
        proof=in_pool(r"^(?!.*(?:utils\.nio|wrap data)).*(?:PKIX path|SSLHandshakeException|valid certification path)"),
        cause="the host's Java does not trust the certificate of a storage controller",
        expected="the CA of the storage controller in the truststore of the host's Java",
        next_step="import the CA of the storage controller into the truststore of Java on every host (keytool "
        "-importcert -cacerts -alias storage -file <ca.pem>), restart cloudstack-agent, " + AGAIN,
        source="https://github.com/apache/cloudstack/issues/8963",
    ),
    Rule(
        name="pool-twice",
        proof=in_pool(
            r"Storage source conflict|A pool matching this location already exists"
            r"|pool '[^']*' already exists with uuid"
        ),
        cause="libvirt on the host has the storage of a pool under another name already",
        expected="no other libvirt pool at that location",
        next_step="find the other one with `virsh pool-list --all` on the host, remove it with `virsh pool-destroy` "
        "and `virsh pool-undefine`, " + AGAIN,
        source="LSA:862; https://github.com/apache/cloudstack/issues/5776",
    ),
    Rule(
        name="rbd-no-driver",
        proof=in_pool(r"missing backend for pool type|pool type 'rbd'|storage-rbd"),
        cause="libvirt on the host has no driver for RBD pools",
        expected="libvirt's storage driver for RBD",
        next_step="install libvirt-daemon-driver-storage-rbd and restart libvirtd, " + AGAIN,
        source="https://github.com/apache/cloudstack/issues/10584",
    ),
    Rule(
        name="rbd-no-monitor",
        proof=in_pool(r"RADOS monitor|RADOS cluster|rados_connect|mon_host"),
        cause="the host cannot connect to the Ceph monitors of an RBD pool",
        expected="a connection to a monitor (port 6789 or 3300) as the user of the pool",
        next_step="try `rbd -m <monitor> --id <user> -p <pool> ls` on the host: correct the address, the firewall, "
        "or the user and key in the pool's settings, " + AGAIN,
        source="LSA:458; https://github.com/apache/cloudstack/issues/5741",
    ),
    Rule(
        name="rbd-no-pool",
        proof=in_pool(r"IoCTX|[Dd]oes the pool|RBD IO"),
        cause="the Ceph cluster has no RBD pool of that name for this user",
        expected="the pool that CloudStack's primary storage names, with rights for its user",
        next_step="compare the pool's name in CloudStack with `ceph osd pool ls`, and the user's rights with `ceph "
        "auth get client.<user>`; correct what differs, " + AGAIN,
        source="LSA:458; libvirt src/storage/storage_backend_rbd.c",
    ),
    Rule(
        name="rbd-unusable",
        proof=in_pool(r"(?:ERROR|WARN|Exception|due to).*(?:\bRBD\b|librbd|librados|\brados\b|the libvirt secret)"),
        cause="the host cannot use an RBD pool of the cluster",
        expected="a pool whose images libvirt can list as its user",
        next_step="try `rbd -m <monitor> --id <user> -p <pool> ls` on the host; correct the name, user or key of the "
        "RBD pool, or update librbd if it is older than the cluster, " + AGAIN,
        source="LSA:425-482; https://github.com/apache/cloudstack/issues/10094",
    ),
    Rule(
        name="nfs-denied",
        proof=in_pool(r"access denied by server while mounting"),
        cause="the NFS server refuses to let the host mount a pool of the cluster",
        expected="an export for the host's storage address",
        next_step="add the host's storage address to the export (with no_root_squash) and run `exportfs -ra` on the "
        "NFS server, " + AGAIN,
        source="mount.nfs(8); LSA:817",
    ),
    Rule(
        name="nfs-statd",
        proof=in_pool(r"rpc\.statd is not running|statd"),
        cause="rpc.statd does not run on the host, so NFS version 3 cannot be mounted with locks",
        expected="rpc.statd running, or an export that is mounted with NFS 4",
        next_step="start it with `systemctl enable --now rpc-statd` (package nfs-common or nfs-utils), " + AGAIN,
        source="mount.nfs(8)",
    ),
    Rule(
        name="nfs-version",
        proof=in_pool(r"(?:mount\.nfs|netfs|mount).*(?:Protocol not supported|requested NFS version)"),
        cause="host and NFS server have no NFS version in common",
        expected="a version that both support",
        next_step="see the server's versions with `rpcinfo -p <server>`: enable one that the host can use, or set "
        "nfsMountOpts of the pool (vers=), " + AGAIN,
        source="mount.nfs(8)",
    ),
    Rule(
        name="nfs-no-helper",
        proof=in_pool(r"mount\.<type> helper|mount\.nfs: not found|mount\.nfs: No such|unknown filesystem type 'nfs"),
        cause="the host has no program to mount NFS",
        expected="mount.nfs",
        next_step="install nfs-common (Debian, Ubuntu) or nfs-utils (role storage_client), " + AGAIN,
        source="mount(8)",
    ),
    Rule(
        name="nfs-unreachable",
        proof=in_pool(r"(?:mount\.nfs|netfs mount).*(?:timed out|No route to host|unreachable|refused)"),
        cause="the host cannot reach the NFS server of a pool",
        expected="TCP port 2049 (NFS 3 also 111) of the NFS server open from the host's storage address",
        next_step="try `nc -zv <server> 2049` on the host; repair the storage network or the firewalls between them, "
        + AGAIN,
        source="mount.nfs(8); LSA:817; https://github.com/apache/cloudstack/issues/5491 and 13740",
    ),
    Rule(
        name="nfs-unmountable",
        proof=in_pool(r"Failed to create (?:netfs|glusterfs) mount|libvirt failed to mount|mount\.nfs"),
        cause="the host cannot mount a pool of the cluster",
        expected=EVERY_POOL,
        next_step="try the mount on the host as root; check the export and the storage network, " + AGAIN,
        source="LSA:283-290 and 817-827",
    ),
    Rule(
        name="mount-point-missing",
        proof=in_pool(r"does not exists\. Check local\.storage\.path|SharedMountPoint"),
        cause="the path of a SharedMountPoint or local pool is not there on the host",
        expected="the path that the pool names, mounted",
        next_step="mount the shared file system at that path (and in /etc/fstab), " + AGAIN,
        source="LSA:324",
    ),
    Rule(
        name="volume-group-missing",
        proof=in_pool(r"[Vv]olume group"),
        cause="the volume group of a CLVM pool is not there on the host",
        expected="the volume group that the pool names",
        next_step="attach the shared disk (iSCSI session, multipath) until `vgs` on the host shows the volume group, "
        + AGAIN,
        source="LSA:365",
    ),
    Rule(
        name="pool-unusable",
        proof=any_of(alert("storage pool"), in_pool(r"Failed to (?:create|access) storage pool")),
        cause="the host cannot use a storage pool of the cluster",
        expected=EVERY_POOL,
        next_step="find the pool (listStoragePools) and try it on the host as root: an NFS export with mount, other "
        "pools with `virsh pool-info <uuid>`; agent.log has the reason beside ModifyStoragePoolCommand; " + AGAIN,
        source="StoragePoolMonitor.java:111-190, DefaultHostListener.java:153; "
        "https://github.com/apache/cloudstack/issues/1694",
    ),
)
