#!/bin/sh
# Pid 1 of the test guest: the host's root seen read-only through virtiofs, a tmpfs over it for what
# the tests write, cgroup v2 alone at /sys/fs/cgroup, then the one command; its status goes back by a port.
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do $bb insmod "$module"; done
$bb mount -t virtiofs -o ro root /lower
$bb mount -t tmpfs -o size=75%,mode=755 over /over
$bb mkdir /over/upper /over/work
$bb mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work root /new
for name in proc sys dev; do $bb mount --move /$name /new/$name; done
# Bound before the move: the modules of this kernel, where modprobe(8) looks for them.
$bb mkdir -p "/new/lib/modules/$($bb uname -r)"
$bb mount --bind "/lower@MODULES@" "/new/lib/modules/$($bb uname -r)"
$bb cat /command >/over/command
$bb mount --bind /over /new/mnt
cd /new || exit 1
exec $bb switch_root /new /bin/sh /mnt/command
