#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ceph.sh FOLDER: a Ceph cluster of one monitor and one OSD in memory, on 127.0.0.1, with the pool cloudstack and the accounts cloudstack and ro.
set -euo pipefail
cd "$1"
mkdir mon osd
fsid=$(cat /proc/sys/kernel/random/uuid)
monitors='[v2:127.0.0.1:3300,v1:127.0.0.1:6789]'
cat > ceph.conf << CONF
[global]
fsid = $fsid
mon host = $monitors
public addr = 127.0.0.1
cluster addr = 127.0.0.1
mon data = $PWD/mon
osd data = $PWD/osd
keyring = $PWD/keyring
run dir = $PWD
log file = $PWD/\$name.log
admin socket = $PWD/\$name.asok
osd objectstore = memstore
memstore device bytes = 268435456
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
mon data avail warn = 1
mon data avail crit = 1
CONF
export CEPH_CONF=$PWD/ceph.conf
ask() { timeout 60 ceph "$@" > /dev/null; }
ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *' > /dev/null
ceph-authtool keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
ceph-authtool keyring --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
monmaptool --create --addv a "$monitors" --fsid "$fsid" monmap > /dev/null
ceph-mon --mkfs -i a --monmap monmap --keyring keyring
ceph-mon -f -i a > mon.out 2>&1 &
echo $! > mon.number
ask auth import -i keyring
ceph-osd -i 0 --mkfs --osd-uuid "$(cat /proc/sys/kernel/random/uuid)" > osd.out 2>&1
ask osd new "$(cat osd/fsid)" 0
ceph-osd -f -i 0 >> osd.out 2>&1 &
echo $! > osd.number
ask osd pool create cloudstack 8
ask auth get-or-create client.cloudstack mon 'profile rbd' osd 'profile rbd pool=cloudstack' -o cloudstack.keyring
ask auth get-or-create client.ro mon 'allow r' osd 'allow r pool=cloudstack' -o ro.keyring
timeout 60 rados -p cloudstack put ready ceph.conf # the OSD is up when it takes this
timeout 60 rados -p cloudstack rm ready
