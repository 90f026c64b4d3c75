"""A sandbox that tries to stall, bloat or script whoever looks at it."""

import json
import time

import pytest

from runtime.shim import watching
from runtime.xray.text import UNFIT
from tests.runtime.node import needs_node, wait_until
from tests.runtime.xray.watcher import Watcher

pytestmark = needs_node
LARGEST = 1 << 20  # bytes of a message

# Each is run as root of a sandbox; what it must lead to is a row in `truncated`, or nothing.
MANY_MOUNTS = "for i in $(seq 1000); do mount -t tmpfs -o size=4k x /mnt; done"
MANY_NAMESPACES = (
    "for i in $(seq 70); do unshare --uts --ipc sleep 300 & done; for i in $(seq 30); do unshare -Ur sleep 300 & done; wait"
)
DEEP_GROUPS = """for top in /sys/fs/cgroup /sys/fs/cgroup/*/; do
  [ -w $top/cgroup.procs ] || continue; cd $top; for i in $(seq 40); do mkdir d && cd d || break; done
  cd $top; for i in $(seq 200); do mkdir w$i || break; done; done 2>/dev/null"""
ODD_NAMES = r"""python3 - <<'END'
import ctypes, os
for number in range(40):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"<b>\x1b[2J\xff\n\r")
        os.execv("/bin/sleep", [b"<script>alert(1)</script>\x1b]0;x\x07\xff\xfe" + b"A" * 4000, b"300"])
os.makedirs(b"/root/<img src=x onerror=alert(1)>\x1b[31m\xff\n", exist_ok=True)
open(b"/root/" + b"\xf0\x9f\x92" * 80, "w").close()
END"""
MANY_FILES = r"""python3 - <<'END'
import os
for d in range(100):
    os.makedirs(f"/root/many/{d}")
    for f in range(250):
        os.close(os.open(f"/root/many/{d}/{f}", os.O_CREAT))
END"""
DEEP_FILES = "cd /root; for i in $(seq 120); do mkdir deep && cd deep; done; touch bottom"


@pytest.mark.parametrize("script", [DEEP_GROUPS, ODD_NAMES, DEEP_FILES], ids=["groups", "names", "deep"])
def test_a_look_stays_small_and_fit_to_be_shown(node, script):
    """Whatever is made inside: the document has a size, and no text in it can do harm."""
    with node.sandbox(pids=200) as identifier:
        box = node.shim(identifier)
        box.exec(["sh", "-c", f"({script}) >/dev/null 2>&1 </dev/null"], timeout=60)
        seen = watching.look(box).to_dict()

    assert fit(seen)
    assert seen["processes"]


def fit(seen):
    """Is a document small, and is there no text in it that could do harm?"""
    size = len(json.dumps(seen, ensure_ascii=False).encode())
    return size < LARGEST and not [each for each in texts(seen) if UNFIT.search(each)]


def texts(value):
    """Every string in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def test_what_is_left_out_is_counted(node):
    """A thousand mounts: the first hundreds are shown, the others are a number."""
    with node.sandbox() as identifier:
        box = node.shim(identifier)
        box.exec(["sh", "-c", MANY_MOUNTS], timeout=60)
        seen = watching.look(box).to_dict()

    assert fit(seen)
    assert 600 == len(seen["mounts"])
    assert seen["truncated"]["mounts"] > 300


def test_every_namespace_that_may_be_made_is_seen(node):
    """As many as the sandbox's own limits allow."""
    with node.sandbox(pids=250) as identifier:
        box = node.shim(identifier)
        box.exec(["sh", "-c", f"({MANY_NAMESPACES}) >/dev/null 2>&1 </dev/null &"], timeout=30)
        wait_until(lambda: len(watching.look(box).collections["namespaces"]) > 64, 20)


def test_a_disk_full_of_files_does_not_stall(node):
    """While the disk is full of files, a process that begins is still seen at once, and the rest is a number."""
    with node.sandbox(pids=64, cpus=2.0) as identifier:
        box = node.shim(identifier)
        box.exec(["sh", "-c", MANY_FILES], timeout=120)
        with Watcher(box) as watcher:
            watcher.until(lambda seen: seen)
            watcher.begin("sleep 301")
            watcher.until(lambda seen: [p for p in seen["processes"].values() if p["args"] == ["sleep", "301"]])
            box.exec(["touch", "/root/newest"])
            wait_until(lambda: watcher.read() and watcher.now.truncated.get("changes", 0) > 0, 60)

            assert 500 == len(watcher.now.collections["changes"])
            assert watcher.now.truncated["changes"] > 24_000
            assert watcher.now.collections["layers"]["upper"]["files"] > 25_000


def test_short_processes_without_end(watcher):
    """Ten thousand processes that live for a moment: looks go on, bounded, and what lasts is seen among them."""
    watcher.begin("i=0; while [ $i -lt 10000 ]; do /bin/true & i=$((i+1)); done")
    watcher.begin("sleep 302")
    watcher.until(lambda seen: [p for p in seen["processes"].values() if p["args"] == ["sleep", "302"]])

    began = time.monotonic()
    while time.monotonic() < began + 1.5:
        watcher.read()
    sizes = [len(json.dumps(message)) for message in watcher.messages]
    assert max(sizes) < LARGEST
    assert len(sizes) < 60
