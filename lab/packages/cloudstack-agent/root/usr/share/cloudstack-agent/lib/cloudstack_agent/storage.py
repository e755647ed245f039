# SPDX-License-Identifier: GPL-3.0-or-later
"""NFS pools and the heartbeat in them. Mounted where the kernel has an NFS client; where it has none (the container
lab), the same files are written through libnfs, so that the server sees the same requests for the same export as the
same user."""

import ctypes
import ctypes.util
import errno
import os
import subprocess
import threading
import time


class StorageError(Exception):
    """A pool could not be used."""


def kernel_has_nfs():
    """Whether mount can do NFS here."""
    subprocess.run(["modprobe", "-q", "nfs"], capture_output=True)
    with open("/proc/filesystems", encoding="utf-8") as stream:
        known = stream.read()
    return "\tnfs4\n" in known or "\tnfs\n" in known


class Mounted:
    """A pool mounted at /mnt/<uuid>."""

    def __init__(self, pool):
        self.path = f"/mnt/{pool['uuid']}"
        os.makedirs(self.path, exist_ok=True)
        options = "rw,nosuid,nodev,noexec" + ("," + pool["nfsmountopts"] if pool.get("nfsmountopts") else "")
        if not os.path.ismount(self.path):
            done = subprocess.run(
                ["mount", "-t", "nfs", "-o", options, f"{pool['host']}:{pool['path']}", self.path],
                capture_output=True,
                text=True,
                timeout=180,
            )
            if done.returncode != 0:
                os.rmdir(self.path)
                raise StorageError(done.stderr.strip())

    def write(self, folder, name, text):
        os.makedirs(os.path.join(self.path, folder), exist_ok=True)
        with open(os.path.join(self.path, folder, name), "w") as stream:
            stream.write(text)

    def read(self, folder, name):
        with open(os.path.join(self.path, folder, name)) as stream:
            return stream.read()

    def modified(self, name):
        """When a file was written last, in seconds since 1970; None where there is none."""
        try:
            return os.stat(os.path.join(self.path, name)).st_mtime
        except FileNotFoundError:
            return None

    def rename(self, old, new):
        os.rename(os.path.join(self.path, old), os.path.join(self.path, new))

    def remove(self, name):
        os.remove(os.path.join(self.path, name))

    def disk(self, name):
        """How QEMU calls a file of the pool."""
        return os.path.join(self.path, name)

    def capacity(self):
        info = os.statvfs(self.path)
        return info.f_blocks * info.f_frsize, (info.f_blocks - info.f_bfree) * info.f_frsize

    def release(self):
        if subprocess.run(["umount", self.path], capture_output=True).returncode == 0:
            os.rmdir(self.path)


class Userspace:
    """A pool reached through libnfs, one call at a time. QEMU has its own way to it (Debian's qemu-block-extra)."""

    MODIFIED = 11  # which of the 64-bit numbers of struct nfs_stat_64 is the time of the last change (nfsc/libnfs.h)

    def __init__(self, pool):
        name = ctypes.util.find_library("nfs")
        if not name:
            raise StorageError("mount.nfs: No such device, and libnfs is not installed")
        self.address = f"nfs://{pool['host']}{pool['path']}"
        self.lock = threading.Lock()
        self.nfs = ctypes.CDLL(name)
        self.nfs.nfs_init_context.restype = ctypes.c_void_p
        self.nfs.nfs_get_error.restype = ctypes.c_char_p
        self.context = ctypes.c_void_p(self.nfs.nfs_init_context())
        self._check(self.nfs.nfs_mount(self.context, pool["host"].encode(), pool["path"].encode()))

    def _check(self, status):
        if status < 0:
            raise StorageError((self.nfs.nfs_get_error(self.context) or b"").decode(errors="replace"))

    def write(self, folder, name, text):
        handle = ctypes.c_void_p()
        path = f"/{folder}/{name}".encode()
        with self.lock:
            self.nfs.nfs_mkdir(self.context, f"/{folder}".encode())  # it may exist already
            self._check(self.nfs.nfs_creat(self.context, path, 0o644, ctypes.byref(handle)))
            try:
                data = text.encode()
                self._check(self.nfs.nfs_write(self.context, handle, ctypes.c_uint64(len(data)), data))
            finally:
                self.nfs.nfs_close(self.context, handle)

    def read(self, folder, name):
        handle, buffer = ctypes.c_void_p(), ctypes.create_string_buffer(4096)
        path = f"/{folder}/{name}".encode()
        with self.lock:
            self._check(self.nfs.nfs_open(self.context, path, os.O_RDONLY, ctypes.byref(handle)))
            try:
                self._check(self.nfs.nfs_read(self.context, handle, ctypes.c_uint64(4095), buffer))
            finally:
                self.nfs.nfs_close(self.context, handle)
        return buffer.value.decode(errors="replace")

    def modified(self, name):
        numbers = (ctypes.c_uint64 * 32)()  # more than the structure has
        with self.lock:
            status = self.nfs.nfs_stat64(self.context, f"/{name}".encode(), ctypes.byref(numbers))
            if status == -errno.ENOENT:
                return None
            self._check(status)
        return numbers[self.MODIFIED]

    def rename(self, old, new):
        with self.lock:
            self._check(self.nfs.nfs_rename(self.context, f"/{old}".encode(), f"/{new}".encode()))

    def remove(self, name):
        with self.lock:
            self._check(self.nfs.nfs_unlink(self.context, f"/{name}".encode()))

    def disk(self, name):
        return f"{self.address}/{name}"

    def capacity(self):
        return None

    def release(self):
        self.nfs.nfs_destroy_context(self.context)


def connect(pool):
    """A usable pool. Raises StorageError with the system's words."""
    try:
        return (Mounted if kernel_has_nfs() else Userspace)(pool)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StorageError(str(error)) from error


def beat(pool, ip):
    """Write this host's heartbeat: seconds since 1970."""
    pool.write("KVMHA", f"hb-{ip}", f"{int(time.time())}\n")


def last_beat(pool, ip):
    """When another host wrote its heartbeat, by its clock, in seconds since 1970; None where it has written none."""
    try:
        return int(pool.read("KVMHA", f"hb-{ip}").strip() or 0)
    except (OSError, StorageError, ValueError):
        return None
