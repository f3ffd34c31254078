"""A machine of its own to install things on: systemd as the first process of a new set of namespaces, on a copy of this system's files that is gone with it.

The files are an overlay whose upper layer is in memory; there is no network but the loopback. Needs root, and a kernel that allows it all: `why_not()` says.
"""

import functools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

BOOT = """
set -e
top=$1
mount -t tmpfs tmpfs "$top"
mkdir "$top/upper" "$top/work" "$top/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
cd "$top/root"
rm -f usr/sbin/policy-rc.d var/lib/man-db/auto-update # the second is ten seconds of each installation
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
chmod 1777 tmp
mount --rbind /dev dev
ip link set lo up 2>/dev/null || true
[ -z "$2" ] || mount --bind "$2" mnt
mkdir outside
pivot_root . outside # and not chroot alone: who is in one may have no PrivateUsers=
cd /
umount -l /outside
exec chroot . /usr/bin/env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target --log-target=null --show-status=0
"""
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")


@functools.cache
def why_not():
    """Why there can be none here, or ''. None of it is about what is to be installed."""
    if os.geteuid() != 0:
        return "a machine in namespaces needs root"
    for tool in "/lib/systemd/systemd", "/usr/bin/nsenter", "/usr/bin/unshare":
        if not os.path.exists(tool):
            return f"{tool} is not here"
    try:
        Machine().stop()
    except (AssertionError, OSError, StopIteration) as trouble:
        return f"systemd cannot be started in namespaces, with an overlay and a cgroup of its own: {trouble!r:.200}"
    return ""


def own_cgroup():
    """A new directory below this process's own, in the second hierarchy."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    top = next(words[1] for words in mounts if words[2] == "cgroup2")
    here = next(line[3:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    return pathlib.Path(tempfile.mkdtemp(prefix="postroom-test-", dir=top + here))


class Machine:
    """`files`: a directory that is its /mnt."""

    def __init__(self, files=""):
        self.top = tempfile.mkdtemp(prefix="postroom-machine-", dir="/tmp")
        self.cgroup = own_cgroup()
        self.outer = subprocess.Popen(
            ["unshare", *NAMESPACES, "--fork", "--kill-child", "sh", "-c", BOOT, "sh", self.top, str(files)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=lambda: (self.cgroup / "cgroup.procs").write_text(str(os.getpid())),
        )
        try:
            self.wait_for_boot()
        except BaseException:
            self.stop()
            raise

    def wait_for_boot(self):
        end = time.monotonic() + 90
        while True:
            state = self.run("systemctl", "is-system-running", check=False) if self.first() else ""
            if state.strip() in ("running", "degraded"):
                return
            assert self.outer.poll() is None, self.outer.stderr.read()
            assert time.monotonic() < end, f"systemd does not start: {state}"
            time.sleep(0.2)

    def first(self):
        """systemd, as seen from outside; None: it has not begun."""
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        if not children or pathlib.Path(f"/proc/{children[0]}/comm").read_text().strip() != "systemd":
            return None
        return children[0]

    def run(self, *command, check=True, input="", timeout=60):
        """Its output, both streams."""
        done = subprocess.run(
            ["nsenter", "--target", self.first(), *NAMESPACES, "--root=/proc/" + self.first() + "/root", "--wd=/proc/" + self.first() + "/root", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
             "DEBIAN_FRONTEND=noninteractive", *map(str, command)],
            input=input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        assert not check or done.returncode == 0, (command, done.stdout)
        return done.stdout

    def sh(self, script, **how):
        return self.run("sh", "-c", script, **how)

    def stop(self):
        if self.first_or_none():
            os.kill(int(self.first_or_none()), signal.SIGKILL)
        self.outer.kill()
        self.outer.wait()
        shutil.rmtree(self.top, ignore_errors=True)
        for _ in range(50):  # until the last process has left
            for place in sorted(self.cgroup.rglob("*"), reverse=True):
                if place.is_dir():
                    remove(place)
            if remove(self.cgroup):
                return
            time.sleep(0.1)

    def first_or_none(self):
        try:
            return self.first()
        except OSError:
            return None


def remove(directory):
    try:
        directory.rmdir()
    except OSError:
        return False
    return True
