"""A hostile client at the wire: what no browser sends, sent to the running site; and neighbours who notice nothing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import socket
import struct
from pathlib import Path

import pytest
import redis
import websockets

from tests.labsite.conftest import LESSON
from tests.labsite.stack import Stack, reason_not_to_run, running_site
from tests.labsite.test_live import Visitor, daphne, hear, proportional, read, until_closed

pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))
TEXT, BINARY, CONTINUED = 1, 2, 0


@pytest.fixture(scope="module")
def site():
    """A running site."""
    with running_site() as stack:
        yield stack


class Raw:
    """A websocket by hand: it can send what a library refuses to."""

    def __init__(self, site: Stack, path: str, cookie: str, *more: bytes, origin: str | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port(site.ws_url)), 10)
        key = base64.b64encode(secrets.token_bytes(16))
        lines = [b"GET " + path.encode() + b" HTTP/1.1", b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade",
                 b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + key, b"Cookie: " + cookie.encode(), *more]  # fmt: skip
        lines += [b"Origin: " + (origin or site.url).encode()] if origin != "" else []
        self.socket.sendall(b"\r\n".join([*lines, b"", b""]))
        self.head = b""
        while b"\r\n\r\n" not in self.head and (data := self.socket.recv(4096)):
            self.head += data

    def frame(self, kind: int, data: bytes, *, last: bool = True) -> None:
        """One frame, masked with zeros."""
        size = len(data)
        length = bytes([0x80 | size]) if size < 126 else (
            b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size))  # fmt: skip
        self.socket.sendall(bytes([(0x80 if last else 0) | kind]) + length + b"\0\0\0\0" + data)

    def closed_with(self) -> int:
        """The code of the close frame, or 0 if the connection was cut without one."""
        seen = b""
        with contextlib.suppress(ConnectionError):
            while data := self.socket.recv(65536):
                seen += data
        self.socket.close()
        at = seen.rfind(b"\x88")
        return struct.unpack(">H", seen[at + 2 : at + 4])[0] if at >= 0 and len(seen) >= at + 4 else 0


def port(url: str) -> int:
    """The port of an address."""
    return int(url.rpartition(":")[2])


def cookie(visitor: Visitor) -> str:
    """Her cookies in one line."""
    return "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())


def talk(port_: int, *lines: bytes, body: bytes = b"") -> bytes:
    """The status line that a raw request is answered with."""
    with socket.create_connection(("127.0.0.1", port_), 10) as plug:
        with contextlib.suppress(ConnectionError):
            plug.sendall(b"\r\n".join([*lines, b"", b""]) + body)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while b"\r\n" not in answer and (data := plug.recv(4096)):
                answer += data
    return answer.partition(b"\r\n")[0]


async def in_lab(site: Stack, visitor: Visitor) -> str:
    """Open her lab and wait for its prompt; the terminal's address."""
    await visitor.open()
    terminal = await visitor.terminal()
    await read(terminal, rb"# ")
    return f"/ws/labs/{visitor.code}/box/terminals/1/"


async def types_on(visitor: Visitor) -> None:
    """Her terminal, whatever others do."""
    await visitor.sockets[0].send(b"echo $((40+2))-here\r")
    await read(visitor.sockets[0], rb"42-here")


async def test_what_is_no_websocket_is_closed(site):
    """A-06, A-07: A message of 2 MiB, one of a hundred thousand pieces, text that is no UTF-8, a compressed bomb: closed, others type on."""
    async with Visitor(site) as visitor, Visitor(site) as other:
        path = await in_lab(site, visitor)
        await in_lab(site, other)
        pid = daphne(site)
        before = proportional(pid)

        huge = Raw(site, path, cookie(visitor))
        with contextlib.suppress(ConnectionError):
            huge.frame(BINARY, b"x" * (2 << 20))
        pieces = Raw(site, path, cookie(visitor))
        with contextlib.suppress(ConnectionError):
            pieces.frame(BINARY, b"x", last=False)
            pieces.socket.sendall((b"\x00\x81\0\0\0\0x") * 100_000 + b"\x80\x81\0\0\0\0x")
        wrong = Raw(site, path, cookie(visitor))
        wrong.frame(TEXT, b"\xff\xfe")
        bomb = Raw(site, path, cookie(visitor), b"Sec-WebSocket-Extensions: permessage-deflate")
        assert b"permessage-deflate" not in bomb.head and b"101" in bomb.head
        bomb.frame(0x40 | BINARY, b"\xed\xc1\x01\x0d")

        codes = [await asyncio.to_thread(each.closed_with) for each in (huge, pieces, wrong, bomb)]
        allowed = [(0, 1009), (4413,), (0, 1007), (0, 1002)]  # 0: cut without a word, as Autobahn does
        assert all(code in each for code, each in zip(codes, allowed, strict=True)), codes
        await types_on(visitor)
        await types_on(other)
        assert proportional(pid) - before < 16 << 20


async def test_a_thousand_resizes_end_in_the_last(site):
    """A-08: A storm of sizes leaves the terminal alive, with the last one, and never one out of range."""
    async with Visitor(site) as visitor:
        await in_lab(site, visitor)
        terminal = visitor.sockets[0]
        for number in range(1000):
            await terminal.send(resize(80 + number % 40, 24 + number % 9))
        for wild in ("0", "-1", "1000000000", "65536", "1.5", '"80"', "null", "NaN", "1e999", "true"):
            await terminal.send(resize(wild, 24))
        await terminal.send(resize(91, 31))
        await terminal.send(b"stty size\r")

        await read(terminal, rb"31 91")


def resize(cols: object, rows: int) -> str:
    """A message that asks for a size."""
    return f'{{"type": "resize", "cols": {cols}, "rows": {rows}}}'


async def test_ten_thousand_messages_hold_up_nobody(site):
    """A-09: One socket pours messages; it is closed with 4429, and a neighbour types all the while."""
    async with Visitor(site) as hostile, Visitor(site) as other:
        await in_lab(site, hostile)
        await in_lab(site, other)
        flood = asyncio.create_task(pour(hostile.sockets[0]))
        for _ in range(5):
            await types_on(other)
        await flood
        said, code = await until_closed(hostile.sockets[0])

        assert (said["code"], code) == ("too-many", 4429)
        await types_on(other)


async def pour(terminal) -> None:
    """Acknowledge until the socket is closed."""
    with contextlib.suppress(websockets.ConnectionClosed):
        for _ in range(200_000):
            await terminal.send('{"type": "ack", "offset": 1}')


async def test_hundreds_of_connections_leave_nothing(site):
    """A-10: After hundreds of sockets came and went the server has its descriptors back, the lab's group is empty, memory is flat."""
    async with Visitor(site) as visitor:
        path = await in_lab(site, visitor)
        pid = daphne(site)
        await churn(visitor, path, 100)
        fds, memory = await settled(pid), proportional(pid)
        await churn(visitor, path, 400)

        assert await settled(pid) <= fds + 3
        assert proportional(pid) - memory < 16 << 20
        client = redis.Redis(unix_socket_path=str(site.run / "redis.sock"))
        assert client.zcard(f"vitrine:group:lab.{visitor.code}") <= 3
        client.close()


async def churn(visitor: Visitor, path: str, times: int) -> None:
    """Connect and leave, twenty at a time, half of them without a word."""

    async def once(number: int) -> None:
        opened = await visitor.socket(path)
        visitor.sockets.remove(opened)
        if number % 2:
            opened.transport.abort()
        await opened.close()

    for start in range(0, times, 20):
        await asyncio.gather(*(once(number) for number in range(start, start + 20)))


async def settled(pid: int) -> int:
    """How many descriptors the server has, once the number rests."""
    last = -1
    for _ in range(50):
        now = len(os.listdir(f"/proc/{pid}/fd"))
        if now == last:
            return now
        last = now
        await asyncio.sleep(0.2)
    return last


async def test_guesses_find_nothing(site):
    """T-04: Two hundred guessed codes, with a good cookie: each is closed as unknown, none told apart from another."""
    async with Visitor(site) as visitor:
        await in_lab(site, visitor)

        async def guess() -> int:
            opened = await visitor.socket(f"/ws/labs/{secrets.token_hex(16)}/box/terminals/1/")
            return (await until_closed(opened))[1]

        codes = set()
        for _ in range(10):
            codes |= set(await asyncio.gather(*(guess() for _ in range(20))))
        assert codes == {4404}


@pytest.mark.parametrize("code", ["*", "lab.x", "a" * 200, "%2e%2e", "..", "a%00b", "lab%2ex"])
async def test_no_group_is_joined_by_a_crafted_name(site, code):
    """T-08: A code with a dot, a star, or of any length leads to no group: not routed, or closed as unknown."""
    async with Visitor(site) as visitor:
        await in_lab(site, visitor)
        client = redis.Redis(unix_socket_path=str(site.run / "redis.sock"))
        raw = Raw(site, f"/ws/labs/{code}/", cookie(visitor))
        if b" 101 " in raw.head:
            assert await asyncio.to_thread(raw.closed_with) == 4404
        raw.socket.close()
        groups = {key.decode() for key in client.scan_iter("vitrine:group:*")}
        client.close()

        assert groups <= {f"vitrine:group:lab.{visitor.code}"} | {
            key for key in groups if len(key) == len("vitrine:group:lab.") + 32
        }


HEAD = [b"GET / HTTP/1.1", b"Host: localhost"]
SIZES = {
    "headers": [*HEAD, *(b"X-%d: x" % n for n in range(600))],
    "url": [b"GET /" + b"a" * 100_000 + b" HTTP/1.1", b"Host: localhost"],
    "cookie": [*HEAD, b"Cookie: a=" + b"x" * 100_000],
    "nul": [*HEAD, b"X: a\0b"],
    "no-host": [b"GET / HTTP/1.1", b"Host: evil.example"],
}


@pytest.mark.parametrize("lines", SIZES.values(), ids=SIZES.keys())
def test_what_is_too_large_is_refused(site, lines):
    """A-11: Six hundred headers, an address or a cookie of 100 kB: refused with a status of 400, or cut."""
    for server in (site.url, site.ws_url):
        status = talk(port(server), *lines)
        assert status == b"" or status.split()[1] in (b"400", b"414", b"431"), status
    assert b"200" in talk(port(site.url), *HEAD)


@pytest.mark.parametrize("header", [b"X: a\x0bOrigin: {}", b"X: a\x0cOrigin: {}", b"X: a\x1cOrigin: {}", b"X: a\x85Origin: {}"],
                         ids=["vt", "ff", "fs", "nel"])  # fmt: skip
async def test_no_header_hides_in_another(site, header):
    """A-12: An Origin smuggled behind a control character of another header is no Origin: never upgraded."""
    async with Visitor(site) as visitor:
        path = await in_lab(site, visitor)
        raw = Raw(site, path, cookie(visitor), header.replace(b"{}", site.url.encode()), origin="")
        raw.socket.close()

        assert b" 101 " not in raw.head.partition(b"\r\n")[0]


def test_two_lengths_are_no_request(site):
    """A body with both Content-Length and Transfer-Encoding is not taken for two requests."""
    head = [b"POST /api/v1/labs HTTP/1.1", b"Host: localhost", b"Content-Length: 4", b"Transfer-Encoding: chunked"]
    with socket.create_connection(("127.0.0.1", port(site.url)), 10) as plug:
        plug.sendall(b"\r\n".join([*head, b"", b""]) + b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        plug.settimeout(3)
        seen = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while data := plug.recv(65536):
                seen += data

    assert b"vitrine_sandboxes" not in seen


def test_idle_connections_leave_room(site):
    """A-05: With a hundred and fifty connections that say nothing, and as many that say a little, the site answers."""
    plugs = [socket.create_connection(("127.0.0.1", port(site.url)), 10) for _ in range(300)]
    try:
        for plug in plugs[::2]:
            plug.sendall(b"GET / HTTP/1.1\r\nX-")
        assert b"200" in talk(port(site.url), *HEAD)
    finally:
        for plug in plugs:
            plug.close()


RACE = """
import threading
from dataclasses import replace
from labsite.accounts.models import User
from labsite.labs import services
from labsite.labs.limits import LimitError
from labsite.labs.lessonbook import find
from labsite.labs.models import LabSession, Sandbox
from django.db import connection
lena, lesson = User.objects.create_user('lena-{name}'), find('{lesson}', 'en')
lessons = [replace(lesson, slug=f'race-{{n}}') for n in range(50)]
def start(n):
    try:
        services.open_lab(lena, {which})
    except LimitError:
        pass
    finally:
        connection.close()
threads = [threading.Thread(target=start, args=(n,)) for n in range(100)]
[each.start() for each in threads]; [each.join() for each in threads]
labs = LabSession.objects.filter(user=lena)
print('labs', labs.count(), 'machines', Sandbox.objects.filter(lab__in=labs).count())
for lab in labs: services.end_lab(lab, 'user')
"""


@pytest.mark.parametrize("which, labs", [("lessons[n % 50]", 3), ("lesson", 1)], ids=["A-15 limit", "A-03 same"])
def test_a_hundred_at_once_get_no_more_than_one_by_one(site, which, labs):
    """A hundred threads with a database connection each: never above the limit; of one lesson, one lab with one machine."""
    name = which.split("[")[0]
    said = site.manage("shell", "--no-imports", "-c", RACE.format(name=name, lesson=LESSON, which=which))

    assert f"labs {labs} machines {labs}" in said


async def test_a_machine_made_anew_is_nobody_elses(site):
    """T-07, T-06: While two reset their machines over and over and attach at once, each sees only files of her own."""
    async with Visitor(site) as lena, Visitor(site) as otto:
        await asyncio.gather(in_lab(site, lena), in_lab(site, otto))
        seen = await asyncio.gather(*(reset_and_look(visitor, mark, 3) for visitor, mark in ((lena, b"LENA"), (otto, b"OTTO"))))

        assert b"OTTO" not in seen[0] and b"LENA" not in seen[1]


async def reset_and_look(visitor: Visitor, mark: bytes, rounds: int) -> bytes:
    """Mark the machine, replace it, attach with the old offset while that is done; all that was shown."""
    seen = b""
    for _ in range(rounds):
        terminal = await visitor.terminal()
        seen += await read(terminal, rb"# ")
        await terminal.send(
            b"cat /root/mark /dev/shm/mark; echo "
            + mark[:2]
            + b"''"
            + mark[2:]
            + b" | tee /root/mark > /dev/shm/mark; echo do''ne\r"
        )
        seen += await read(terminal, rb"done")
        await visitor.ask("POST", f"/api/v1/labs/{visitor.code}/sandboxes/box/reset")
        again = await visitor.terminal(f"?since={len(seen)}")
        with contextlib.suppress(websockets.ConnectionClosed, AssertionError, TimeoutError):
            seen += await read(again, rb"# ")
        await hear(await visitor.control(), "running")
    return seen


def test_no_message_of_a_pickle_reaches_a_worker(site, tmp_path):
    """A-13: A pickled task pushed into the broker makes no file, and the worker goes on."""
    import json
    import pickle

    from tests.labsite.security.test_queue import Evil

    body = base64.b64encode(pickle.dumps(Evil(tmp_path / "pwned"))).decode()
    headers = {
        "lang": "py",
        "task": "labs.reconcile",
        "id": secrets.token_hex(16),
        "root_id": "x",
        "parent_id": None,
        "group": None,
    }
    properties = {"correlation_id": "x", "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "sandboxes"},
                  "priority": 0, "body_encoding": "base64", "delivery_tag": secrets.token_hex(8)}  # fmt: skip
    message = {"body": body, "content-encoding": "binary", "content-type": "application/x-python-serialize",
               "headers": headers, "properties": properties}  # fmt: skip
    client = redis.Redis(unix_socket_path=str(site.run / "redis.sock"))
    client.lpush("sandboxes", json.dumps(message))

    async def a_lab_starts() -> None:
        async with Visitor(site) as visitor:
            await in_lab(site, visitor)

    asyncio.run(a_lab_starts())
    assert client.llen("sandboxes") == 0
    client.close()
    assert not (tmp_path / "pwned").exists()
    assert (
        Path(site.log).read_text().count("Traceback (most recent call last)") == 0 or "ContentDisallowed" in site.log.read_text()
    )
