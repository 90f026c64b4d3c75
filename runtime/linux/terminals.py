"""Pseudo-terminals: a pair of devices, the master ours and the other end the guest's.

A guest has its own devpts(5), so its terminals are numbered from 0 and those of others do not
exist for it. We open masters through an O_PATH descriptor of *its* ptmx taken before its first
program ran: a path could have been replaced by the guest, a descriptor cannot. The other end
is opened by TIOCGPTPEER for the same reason.

See pty(7), ioctl_tty(2). Without a controlling terminal there is no Ctrl-C and no job control.
"""

from __future__ import annotations

import fcntl
import os
import struct

from runtime.linux import constants as c

_FLAGS = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC


def open_pair(ptmx: int, uid: int, gid: int) -> tuple[int, int]:
    """A new (master, peer); the peer belongs to these host ids, so the guest may reopen it."""
    master = os.open(f"/proc/self/fd/{ptmx}", _FLAGS)
    try:
        fcntl.ioctl(master, c.TIOCSPTLCK, struct.pack("i", 0))
        peer = fcntl.ioctl(master, c.TIOCGPTPEER, _FLAGS)
        os.fchown(peer, uid, gid)
    except OSError:
        os.close(master)
        raise
    return master, peer


def resize(master: int, cols: int, rows: int) -> None:
    """Tell the guest the size of the window; its programs get SIGWINCH."""
    fcntl.ioctl(master, c.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def adopt(peer: int) -> None:
    """Begin a new session with `peer` as its controlling terminal."""
    os.setsid()
    fcntl.ioctl(peer, c.TIOCSCTTY, 0)
