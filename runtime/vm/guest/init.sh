#!/bin/sh
# Pid 1 of a guest while its root is still the archive in memory: drivers, then the image's layers
# read-only from the disk with a tmpfs over them, then the agent takes over as pid 1.
bb=/bin/busybox
$bb mount -t proc proc /proc
read -r birth _ </proc/uptime
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do $bb insmod "$module"; done
$bb mount -t erofs -o ro /dev/vda /lower
$bb mount -t tmpfs -o size=30%,mode=755 over /over
$bb mkdir /over/upper /over/work
$bb mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work root /new
for name in proc sys dev; do $bb mount --move /$name /new/$name; done
$bb mount -t tmpfs -o mode=755 run /new/run
$bb mkdir -p /new/run/vitrine /new/run/lock
$bb cp /bin/busybox /agent /attentive /fresh /new/run/vitrine/
exec $bb switch_root /new /run/vitrine/busybox sh /run/vitrine/agent "$birth"
