"""A container and a machine in one laboratory talk as two computers do: ping, a web server, ssh."""

from __future__ import annotations

import pytest

from tests.runtime.node import needs_node, wait_until
from tests.runtime.vm.conftest import Guest

pytestmark = needs_node

SERVE = "mkdir -p /srv/www && echo 'from {name}' >/srv/www/index.html && cd /srv/www && {{ setsid python3 -m http.server 80 >/dev/null 2>&1 & }}"
FETCH = "python3 -c \"import urllib.request as r; print(r.urlopen('http://{name}/', timeout=10).read().decode())\""
LET_IN = "mkdir -p -m 700 /root/.ssh && cat >>/root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys"
SSHD = "mkdir -p /etc/dropbear && dropbear -R -s"
SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 {name} {command}"


def answers(guest: Guest, name: str, port: int) -> bool:
    return guest.run(f"nc -z -w 1 {name} {port}").code == 0


def key_of(guest: Guest) -> bytes:
    """The public half of a key that was made in there."""
    guest.says("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 </dev/null")
    return guest.says("cat /root/.ssh/id_ed25519.pub").encode() + b"\n"


def test_they_ping_each_other(vm: Guest, box: Guest) -> None:
    """By name, both ways."""
    assert 0 == box.run("ping -c 1 -W 5 vm").code
    assert 0 == vm.run("ping -c 1 -W 5 box").code


@pytest.mark.nightly
def test_they_read_each_others_pages(vm: Guest, box: Guest) -> None:
    """A web server in each, read from the other."""
    for server, client, name in ((vm, box, "vm"), (box, vm, "box")):
        server.says(SERVE.format(name=name))
        wait_until(lambda client=client, name=name: answers(client, name, 80), 20)
        assert f"from {name}" == client.says(FETCH.format(name=name))
        server.says("pkill -f 'http[.]server'")


def test_they_log_in_to_each_other(vm: Guest, box: Guest) -> None:
    """By ssh with a key: whoever logs in is on the other's kernel."""
    for server, client, name in ((vm, box, "vm"), (box, vm, "box")):
        server.run(LET_IN, stdin=key_of(client))
        server.says(SSHD)
        wait_until(lambda client=client, name=name: answers(client, name, 22), 20)
        assert server.says("uname -r") == client.says(SSH.format(name=name, command="uname -r"))
        server.says("pkill dropbear; rm -r /root/.ssh/authorized_keys")
