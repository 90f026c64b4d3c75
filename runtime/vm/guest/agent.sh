# The agent: pid 1 of a guest. It is told what to do line by line on a virtio port and answers there.
# A shell script, because a host without a compiler can still read and change it. Texts that may hold
# spaces travel in base64.
#
#   hostname NAME | fresh NANOSECONDS SEED | address CIDR MAC | window N ROWS COLS
#   hello                            are you there?    answers: ready BIRTH UPTIME RELEASE
#   shell N ROWS COLS USER [SCRIPT]  a login shell, or a script, on console N;    answers: closed N STATUS
#   run ID USER SCRIPT               a command, by the shell;    answers: out|err ID BASE64 …, done ID STATUS
#   more ID out|err                  half of what may be on its way has been read: go on
#   in ID BASE64|-                   a piece of its input, or the end of that;    answers: took ID
#   end ID                           kill it and all that it started
#
# `agent as USER SCRIPT` and `agent login USER` are what it runs in the end.
#
# What busybox has itself it runs without execve(2) when called by its bare name, which in emulation takes a
# third of the time. `$bb` is for what becomes another program, or must outlive the image's own.
bb=/run/vitrine/busybox
agent=/run/vitrine/agent
attentive=/run/vitrine/attentive # runs a program that Ctrl-C can end: see runtime/vm/programs.py
fresh=/run/vitrine/fresh
# What is sent ahead of a word that it was read. A line must be shorter than wires.LONGEST.
piece=24000 window=4 half=2

say() { echo "$*" >&3; }

text() { echo "$1" | base64 -d; }

as() { # USER SCRIPT: a user is a name or a number of /etc/passwd
    user=$($bb awk -F: -v user="$1" '$1 == user || $3 == user { print $1; exit }' /etc/passwd)
    [ -n "$user" ] || { echo "no user of this machine: $1" >&2 && exit 126; }
    [ "$user" = root ] && exec /bin/sh -c "$2"
    exec $bb su -s /bin/sh "$user" -c "$2"
}

login() { # USER
    [ "$1" = root ] || exec $bb su - "$1"
    [ -x /bin/bash ] && exec /bin/bash -l
    exec /bin/sh -l
}

on_console() { # N ROWS COLS USER [SCRIPT]
    stty -F "/dev/hvc$1" sane rows "$2" cols "$3"
    cd /root || cd /
    if [ -n "$5" ]; then set -- "$1" as "$4" "$(text "$5")"; else set -- "$1" login "$4"; fi
    number=$1 && shift
    $bb setsid -c $attentive $bb sh $agent "$@" <>"/dev/hvc$number" >&0 2>&1 3>&- 4>&- 5>&- 6>&- 7>&-
    say "closed $number $?"
}

carry() { # out|err ID PLACE: a pipe's bytes as lines, never more than a window ahead of the reader
    left=$window
    while data=$(dd bs=$piece count=1 2>/dev/null | base64 -w 0) && [ -n "$data" ]; do
        [ $left -gt 0 ] || { read -r _ <&9 && left=$half; }
        left=$((left - 1))
        say "$1 $2 $data"
    done <"$3/$1" 9<>"$3/more.$1"
}

feed() { # ID PLACE: words to a command's input, each when it is said that one is awaited
    while say "took $1" && read -r data <&9 && [ "$data" != - ]; do
        text "$data"
    done 9<>"$2/feed" >"$2/in"
}

run() { # ID USER SCRIPT: in a control group of its own, so that all of it can be killed
    place=/run/vitrine/run.$1 group=/sys/fs/cgroup/run.$1
    mkdir -p "$place" "$group"
    mkfifo "$place/out" "$place/err" "$place/more.out" "$place/more.err" "$place/in" "$place/feed"
    feed "$1" "$place" &
    feeder=$!
    carry out "$1" "$place" &
    carriers=$!
    carry err "$1" "$place" &
    carriers="$carriers $!"
    (
        echo 0 >"$group/cgroup.procs"
        cd /root || cd /
        exec $bb setsid $attentive $bb sh $agent as "$2" "$(text "$3")" 3>&- 4>&- 5>&- 6>&- 7>&-
    ) <"$place/in" >"$place/out" 2>"$place/err"
    status=$?
    kill $feeder
    # Who was left behind may keep the pipes open for ever, and nobody waits for those.
    [ -z "$(cat "$group/cgroup.procs")" ] || { sleep 0.3 && kill $carriers; }
    wait
    rm -rf "$place"
    rmdir "$group"
    say "done $1 $status"
} 2>/dev/null

into() { # ID PIPE [WORD]: opened for both, because opening for writing waits for a reader
    pipe=/run/vitrine/run.$1/$2
    [ ! -p "$pipe" ] || echo "$3" 1<>"$pipe"
}

obey() {
    verb=$1
    shift
    case $verb in
    hostname) hostname "$1" && echo "$1" >/etc/hostname && echo "127.0.0.1 localhost $1" >/etc/hosts ;;
    hosts) text "$1" >>/etc/hosts ;;
    fresh) begin_anew "$@" ;;
    hello) hello ;;
    address) ip link set eth0 address "$2" up && ip addr replace "$1" dev eth0 ;;
    window) stty -F "/dev/hvc$1" rows "$2" cols "$3" ;;
    shell) on_console "$@" & ;;
    run) run "$@" & ;;
    more) into "$1" "more.$2" ;;
    in) into "$1" feed "$2" ;;
    end) [ ! -e "/sys/fs/cgroup/run.$1" ] || echo 1 >"/sys/fs/cgroup/run.$1/cgroup.kill" ;;
    *) say "error unknown $verb" ;;
    esac
}

begin_anew() { # NANOSECONDS SEED: the clock; random numbers, at once and not in a minute; an identity
    echo "$2" >/dev/urandom
    $fresh "$1" </dev/urandom
    read -r id </proc/sys/kernel/random/uuid
    echo "${id//-/}" >/etc/machine-id
}

hello() {
    read -r up _ </proc/uptime
    say "ready $birth $up $release"
}

listen() { # BIRTH: the guest's clock when init began
    birth=$1 release=$($bb uname -r)
    hello
    while read -r line <&3; do
        set -f
        obey $line
    done
}

set_up() {
    mkdir -p /dev/pts /dev/shm /sys/fs/cgroup /usr/local/sbin
    $bb mount -t devpts -o ptmxmode=666,mode=620 devpts /dev/pts
    $bb mount -t tmpfs -o mode=1777 shm /dev/shm
    $bb mount -t tmpfs -o mode=1777 tmp /tmp
    $bb mount -t cgroup2 cgroup2 /sys/fs/cgroup
    $bb ln -sf /proc/self/fd /dev/fd
    ip link set lo up
    for verb in poweroff reboot; do # the image has no init system that would do it
        [ -e /usr/sbin/$verb ] && continue
        printf '#!/bin/sh\nexec %s %s -f\n' $bb $verb >/usr/local/sbin/$verb
        $bb chmod 755 /usr/local/sbin/$verb
    done
}

case $1 in
as | login) "$@" ;;
esac

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LANG=C.UTF-8 TERM=xterm-256color HOME=/root USER=root LOGNAME=root container=vitrine-vm
set_up
for name in /sys/class/virtio-ports/*/name; do
    [ "$(cat "$name")" = control ] && port=${name%/name}
done
exec 3<>"/dev/${port##*/}"
for n in 0 1 2 3; do eval "exec $((n + 4))<>/dev/hvc$n"; done # held open: the last close would forget the size

# Pid 1 must reap everyone's orphans, so it does nothing else: `listen` has a process of its own.
listen "$1" &
wait
$bb reboot -f
