"""Attacks that a fence of ours stops: each prints THROUGH when it has got through.

They run as root of the sandbox. Sizes are bounded: with its fence off an attack must show that it works,
not bring the machine down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SMALL = 48 << 20
THROUGH = "THROUGH"

PRELUDE = """
import ctypes, errno, fcntl, os, signal, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    return -ctypes.get_errno() if result < 0 else result
def through(got=True):
    if got: print("THROUGH", flush=True)
"""


@dataclass(frozen=True)
class Attack:
    """`fences` is what stops it: all of them must be gone before it gets through. With none, it is a limit
    that the host sets for everyone already, and that cannot be raised here."""

    name: str
    fences: tuple[str, ...]
    script: str
    profile: str = "nested"
    fields: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    shell: bool = False

    @property
    def args(self) -> list[str]:
        """The command line of the attack."""
        return ["bash", "-c", self.script] if self.shell else ["python3", "-c", PRELUDE + self.script]


def call(name: str, expression: str) -> Attack:
    """One system call that the filter refuses and this kernel would serve."""
    return Attack(name, ("seccomp",), f"through({expression})")


CALLS = [
    call(
        "E-13 open_by_handle_at",
        "call(304, -10003, struct.pack('IiQII', 16, 0xF1, 1, 0x40000000, 1), 0) not in (-errno.EPERM, -errno.ENOSYS)",
    ),
    call("E-17 perf_event_open", "call(298, struct.pack('IIQQQQQ', 1, 128, 0, 0, 0, 0, 0x60) + bytes(80), 0, -1, -1, 0) >= 0"),
    call("E-18 add_key", "call(248, b'user', b'name', b'data', 4, -2) > 0"),
    call("E-19 userfaultfd", "call(323, 1) >= 0"),
    call("E-20 io_uring_setup", "call(425, 1, bytes(120)) >= 0"),
    call("E-26 modify_ldt", "call(154, 0, bytes(64), 64) >= 0"),
    call("E-27 XDP sockets", "call(41, 44, 3, 0) >= 0"),
    call("E-27 NETLINK_XFRM", "call(41, 16, 3, 6) >= 0"),
    call("E-27 MPTCP", "call(41, 2, 1, 262) >= 0"),
    call("N-15 AF_VSOCK", "call(41, 40, 1, 0) >= 0"),
    call("E-30 READ_IMPLIES_EXEC", "call(135, 0x0400000) >= 0"),
    call("R-16 a hundred keys", "sum(call(248, b'user', b'%d' % n, b'data', 4, -2) > 0 for n in range(100)) > 0"),
    Attack(
        "E-28 TIOCSTI",
        ("seccomp",),
        """
master, peer = os.openpty()
if os.fork() == 0:
    os.setsid(); fcntl.ioctl(peer, 0x540E, 0)
    try: fcntl.ioctl(peer, 0x5412, b"x"); through()
    except OSError: pass
    os._exit(0)
os.wait()
""",
    ),
    Attack("strict: unshare", ("seccomp",), "through(call(272, 0x10000000) == 0)", "strict"),
    Attack("strict: clone3", ("seccomp",), "through(call(435, bytes(88), 8) == -errno.EINVAL)", "strict"),
]

HOLD_NETWORKS = """
held = []
try:
    for number in range(48):
        if call(272, 0x40000000): break
        held.append(os.open("/proc/self/ns/net", os.O_RDONLY))
except OSError: pass
through(len(held) > 40)
"""
HOLD_NAMESPACES = """
import subprocess
flags = dict(user=0x10000000, mnt=0x20000, pid=0x20000000, ipc=0x08000000, uts=0x04000000, cgroup=0x02000000)
for kind, flag in flags.items():
    held = 0
    for number in range(80):
        read, write = os.pipe()
        if os.fork() == 0:
            ok = call(272, flag) == 0
            # a pid namespace exists from its first process on
            if ok and kind == "pid":
                try: child = os.fork()
                except OSError: ok, child = False, 1
                if child == 0: call(157, 1, 9); time.sleep(20); os._exit(0)
            os.write(write, b"1" if ok else b"0")
            time.sleep(20); os._exit(0)
        held += os.read(read, 1) == b"1"
        os.close(read); os.close(write)
    if held > 70: through()
    for child in open("/proc/self/task/%d/children" % os.getpid()).read().split(): os.kill(int(child), 9)
    while True:
        try: os.wait()
        except ChildProcessError: break
"""
FORKS = """
born = 0
try:
    for number in range(60):
        if os.fork() == 0: time.sleep(30); os._exit(0)
        born += 1
except OSError: pass
through(born > 50)
os.killpg(0, 9)
"""
NEIGHBOURS = """
for kind in -t,cgroup2 -t,cgroup,-o,memory -t,cgroup,-o,pids -t,cgroup,-o,cpuset -t,cgroup,-o,devices; do
  d=$(mktemp -d); mount ${kind//,/ } x $d 2>/dev/null || continue
  find $d -maxdepth 1 -name 'vitrine*' | grep -q . && echo THROUGH
  umount $d
done
"""
LIMITS = """
for f in /sys/fs/cgroup/{memory.max,pids.max,cpu.max} /sys/fs/cgroup/*/{memory.limit_in_bytes,pids.max}; do
  [ -e $f ] && (cat $f > /tmp/value; cat /tmp/value > $f) 2>/dev/null && echo THROUGH
done; true
"""

LIMITED = [
    Attack("R-12 network namespaces", ("namespace-limits",), HOLD_NETWORKS),
    Attack("R-11 namespaces of every kind", ("namespace-limits",), HOLD_NAMESPACES),
    Attack(
        "R-11 raise one's own bound",
        ("bounding-set",),
        "open('/proc/sys/user/max_net_namespaces', 'w').write('1000'); through()",
    ),
    Attack("R-01 fork bomb", ("pids", "resource-limits"), FORKS, fields={"pids": 24}),
    Attack("E-08 raise one's own limits", ("limits-stay-ours",), LIMITS, shell=True),
    Attack("E-09 other groups' names", ("own-cgroups",), NEIGHBOURS, shell=True),
    Attack("R-02 memory", ("memory",), "bytearray(96 << 20); through()", fields={"memory_bytes": SMALL}),
    Attack(
        "R-03 tmpfs",
        ("memory",),
        "mount -t tmpfs -o size=1g t /mnt && dd if=/dev/zero of=/mnt/f bs=1M count=96 2>/dev/null && echo THROUGH",
        fields={"memory_bytes": SMALL},
        shell=True,
    ),
    Attack(
        "R-04 memfd",
        ("memory",),
        "fd = os.memfd_create('m'); [os.write(fd, bytes(1 << 20)) for n in range(96)]; through()",
        fields={"memory_bytes": SMALL},
    ),
    Attack(
        "R-04 System V shared memory",
        ("memory",),
        """
libc.shmat.restype = ctypes.c_void_p
size = 96 << 20
where = libc.shmat(libc.shmget(0, size, 0o1600), None, 0)
ctypes.memset(where, 1, size); through()
""",
        fields={"memory_bytes": SMALL},
    ),
    Attack(
        "R-04 message queues",
        (),
        """
attributes = struct.pack("8q", 0, 10, 65536, 0, 0, 0, 0, 0)
open("/proc/sys/fs/mqueue/msgsize_max", "w").write("65536")
got = [call(240, b"q%d" % n, os.O_CREAT | os.O_RDWR, 0o600, attributes) for n in range(8)]
through(all(fd >= 0 for fd in got))
""",
    ),
    Attack(
        "R-05 bytes of the disk",
        ("disk-size",),
        "dd if=/dev/zero of=/big bs=1M count=24 2>/dev/null && echo THROUGH",
        fields={"disk_bytes": 8 << 20},
        shell=True,
    ),
    Attack(
        "R-06 files of the disk",
        ("disk-size",),
        "os.mkdir('/i')\nfor n in range(6000): os.close(os.open('/i/%d' % n, os.O_CREAT))\nthrough()",
        fields={"disk_bytes": 8 << 20},
    ),
    Attack(
        "R-07 allocate what is not there",
        ("disk-size",),
        "truncate -s 8E /sparse; fallocate -l 24M /solid && echo THROUGH",
        fields={"disk_bytes": 8 << 20},
        shell=True,
    ),
    Attack(
        "R-09 open files",
        ("resource-limits",),
        """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
held, most = 0, int(open("/proc/sys/fs/file-max").read()) // 5 // 256
try:
    while held < most + 256: os.open("/dev/null", os.O_RDONLY); held += 1
except OSError: pass
through(held > most)
""",
    ),
    Attack(
        "R-10 processors",
        ("cpu",),
        """
begun, spent = time.monotonic(), time.process_time()
while time.monotonic() - begun < 1.0: pass
share = (time.process_time() - spent) / (time.monotonic() - begun)
for d in ("/sys/fs/cgroup", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu"):
    try: periods = [line.split() for line in open(d + "/cpu.stat") if line.startswith("nr_throttled")]
    except OSError: continue
    through(bool(periods) and int(periods[0][1]) == 0)
    break
""",
        fields={"cpus": 0.1},
    ),
    Attack(
        "R-29 core dumps",
        ("resource-limits",),
        "cd /tmp; ulimit -Sc unlimited; sh -c 'kill -SEGV $$'; ls | grep -q ^core && echo THROUGH; true",
        shell=True,
    ),
    Attack(
        "R-30 timers",
        ("resource-limits",),
        """
made = 0
while made < 8000 and call(222, 1, None, ctypes.byref(ctypes.c_int())) == 0: made += 1
through(made == 8000)
""",
    ),
    Attack(
        "R-17 terminals",
        ("terminals",),
        """
held = []
try:
    while len(held) < 64: held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
except OSError: pass
through(len(held) == 64)
""",
    ),
]

PLACES = [
    Attack("E-40 the host's tree", ("leave-host-tree",), "cd /.. && [ -d var/lib/vitrine ] && echo THROUGH", shell=True),
    Attack("E-31 E-32 a descriptor of the host's", ("close-descriptors",), "through(os.path.isdir('/proc/self/fd/100'))"),
    Attack(
        "E-33 a working directory of the host's",
        ("working-directory",),
        "[ -d ranges ] && echo THROUGH",
        arguments={"cwd": "/proc/self/fd/100"},
        shell=True,
    ),
    Attack("E-35 the memory of process 1", ("executed-init",), "through(b'of-the-host' in open('/proc/1/environ', 'rb').read())"),
]
NETWORK = [
    Attack(
        "E-50 an abstract socket of the host's",
        ("own-network",),
        "s = socket.socket(socket.AF_UNIX); s.connect('\\0vitrine-of-the-host'); through()",
    ),
    Attack(
        "N-02 N-11 a service of the host's",
        ("own-network",),
        """
for place in os.environ["SERVICES"].split():
    host, port = place.rsplit("/", 1)
    family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    s = socket.socket(family, kind); s.settimeout(1)
    through(s.connect_ex(address) == 0)
""",
    ),
]
ATTACKS = [*CALLS, *LIMITED, *PLACES, *NETWORK]
