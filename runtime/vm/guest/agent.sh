# The agent: pid 1 of a guest. It is told what to do line by line on a virtio port and answers there.
# A shell script, because a host without a compiler can still read and change it.
#
#   hostname NAME | time SECONDS | seed BASE64 | address CIDR GATEWAY|- | window N ROWS COLS
#   shell N ROWS COLS USER        a login shell on terminal N;              answers: closed N STATUS
#   run ID SECONDS BASE64 [INPUT] a command with the shell, input in BASE64; answers: out|err ID BASE64 …, done ID STATUS
bb=/run/vitrine/busybox
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LANG=C.UTF-8 TERM=xterm-256color HOME=/root container=vitrine-vm

$bb mkdir -p /dev/pts /dev/shm /sys/fs/cgroup
$bb mount -t devpts -o ptmxmode=666,mode=620 devpts /dev/pts
$bb mount -t tmpfs -o mode=1777 shm /dev/shm
$bb mount -t tmpfs -o mode=1777 tmp /tmp
$bb mount -t cgroup2 cgroup2 /sys/fs/cgroup
$bb ln -sf /proc/self/fd /dev/fd
$bb ip link set lo up

for name in /sys/class/virtio-ports/*/name; do
    [ "$($bb cat "$name")" = control ] && port=${name%/name}
done
exec 3<>"/dev/${port##*/}"
for n in 0 1 2 3; do (: <>/dev/hvc$n) 2>/dev/null && eval "exec $((n + 4))<>/dev/hvc$n"; done # held open: the last close would forget the size

say() { echo "$*" >&3; }

run_shell() { # N ROWS COLS USER
    $bb stty -F "/dev/hvc$1" sane rows "$2" cols "$3"
    cd /root || cd /
    shell=/bin/sh
    [ -x /bin/bash ] && shell="/bin/bash -l"
    [ "$4" = root ] || shell="su - $4"
    $bb setsid -c $shell <>"/dev/hvc$1" >&0 2>&1 3>&- 4>&- 5>&- 6>&- 7>&-
    say "closed $1 $?"
}

run_command() { # ID SECONDS BASE64 [INPUT]
    place=/run/vitrine/run.$1
    $bb mkdir -p "$place"
    $bb mkfifo "$place/out" "$place/err"
    echo "$4" | $bb base64 -d >"$place/in"
    for side in out err; do
        $bb base64 -w 2048 <"$place/$side" | while read -r line; do say "$side $1 $line"; done &
    done
    cd /root || cd /
    $bb timeout -s KILL "$2" $bb setsid /bin/sh -c "$(echo "$3" | $bb base64 -d)" <"$place/in" >"$place/out" 2>"$place/err" 3>&- 4>&- 5>&- 6>&- 7>&-
    status=$?
    wait
    $bb rm -rf "$place"
    say "done $1 $status"
}

obey() {
    verb=$1
    shift
    case $verb in
    hostname) $bb hostname "$1" && echo "$1" >/etc/hostname ;;
    time) $bb date -s "@$1" >/dev/null ;;
    seed) echo "$1" | $bb base64 -d >/dev/urandom ;;
    address) $bb ip link set eth0 up && $bb ip addr replace "$1" dev eth0 && { [ "$2" = - ] || $bb ip route replace default via "$2"; } ;;
    window) $bb stty -F "/dev/hvc$1" rows "$2" cols "$3" ;;
    shell) run_shell "$@" & ;;
    run) run_command "$@" & ;;
    *) say "error unknown $verb" ;;
    esac
}

listen() {
    read -r up _ </proc/uptime
    say "ready $up $($bb uname -r)"
    while read -r line <&3; do
        set -f
        obey $line
    done
}

# Pid 1 must reap everyone's orphans, so it does nothing else: `listen` has a process of its own.
listen &
wait
$bb reboot -f
