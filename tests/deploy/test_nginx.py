"""deploy/nginx.conf in front of a running site: the very file, with other ports, names and certificate."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets

from tests.e2e.server import free_port
from tests.labsite.conftest import LESSON
from tests.labsite.stack import ROOT, Stack, reason_not_to_run, running_site

pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))

MAIN = """daemon off; user root; worker_processes 1; pid {place}/pid; error_log {place}/error.log warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
    include {place}/site.conf;
}}
"""


@dataclass
class Front:
    """The site as the world sees it."""

    url: str
    site: Stack
    trust: ssl.SSLContext
    trust_file: str

    @contextmanager
    def browser(self, **headers: str) -> Iterator[httpx.Client]:
        """A visitor who has read the first page."""
        with httpx.Client(base_url=self.url, verify=self.trust, headers={"Referer": self.url, **headers}) as client:
            client.get("/")
            yield client

    def open_lab(self, browser: httpx.Client) -> httpx.Response:
        """What the page's button does, by the API."""
        token = browser.cookies["__Host-csrftoken"]
        return browser.post("/api/v1/labs", json={"lesson": LESSON}, headers={"X-CSRFToken": token})


@pytest.fixture(scope="module")
def front(tmp_path_factory) -> Iterator[Front]:
    """nginx and, behind it, the whole site."""
    place, port = tmp_path_factory.mktemp("nginx"), free_port()
    certificate = ["-keyout", place / "privkey.pem", "-out", place / "fullchain.pem", "-subj", "/CN=localhost"]
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(["openssl", "req", *options, *certificate], check=True, capture_output=True)
    url, previews = f"https://localhost:{port}", f"https://*.preview.localhost:{port}"
    with running_site(
        VITRINE_ORIGINS=url,
        VITRINE_WS_URL=url.replace("https", "wss"),
        VITRINE_TRUSTED_PROXIES="1",
        VITRINE_PREVIEW_ORIGIN=previews,
    ) as site:
        (place / "site.conf").write_text(adapted(place, port, site))
        (place / "nginx.conf").write_text(MAIN.format(place=place))
        nginx = subprocess.Popen(["nginx", "-c", place / "nginx.conf", "-p", place, "-e", place / "error.log"])
        try:
            wait_for(port, nginx, place)
            file = str(place / "fullchain.pem")
            yield Front(url, site, ssl.create_default_context(cafile=file), file)
        finally:
            nginx.terminate()
            nginx.wait(10)


def adapted(place: Path, port: int, site: Stack) -> str:
    """The configuration as it is deployed, but for what names this machine."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    changes = [
        (r"127\.0\.0\.1:8000", f"127.0.0.1:{site.url.rpartition(':')[2]}"),
        (r"127\.0\.0\.1:8002", f"127.0.0.1:{site.previews}"),
        (r"127\.0\.0\.1:8001", f"127.0.0.1:{site.ws_url.rpartition(':')[2]}"),
        (r"listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (r"labs\.example\.org;", "localhost;"),
        (r"\*\.previews-example\.net;", "*.preview.localhost;"),
        (r"/etc/ssl/previews-example\.net", str(place)),
        (r"/etc/ssl/labs\.example\.org", str(place)),
        (r"_timeout 15s", "_timeout 1s"),  # nobody waits for a test
    ]
    for old, new in changes:
        text, times = re.subn(old, new, text)
        assert times, f"deploy/nginx.conf no longer has {old}"
    return text


def wait_for(port: int, nginx: subprocess.Popen, place: Path) -> None:
    """Until it listens."""
    deadline = time.monotonic() + 10
    while True:
        try:
            httpx.get(f"https://localhost:{port}/healthz", verify=False)
            return
        except httpx.ConnectError:
            assert nginx.poll() is None and time.monotonic() < deadline, (place / "error.log").read_text()
            time.sleep(0.05)


def test_pages_come_whole_and_only_by_tls(front):
    """W-06: The first page: its policy, its cookies for this host over TLS only, HSTS."""
    with front.browser() as browser:
        answer = browser.get("/")

    assert (answer.status_code, "Vitrine" in answer.text) == (200, True)
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))
    assert f"wss://{front.url.removeprefix('https://')}" in answer.headers["Content-Security-Policy"]


def test_nobody_forges_an_address(front):
    """What a visitor writes into X-Forwarded-For is thrown away."""
    with front.browser(**{"X-Forwarded-For": "203.0.113.9"}) as browser:
        code = front.open_lab(browser).json()["code"]
    shown = f"from labsite.labs.models import *; print(LabSession.objects.get(code='{code}').address)"

    assert "127.0.0.1" in front.site.manage("shell", "--no-imports", "-c", shown)


def test_a_websocket_goes_through_from_our_own_pages_only(front):
    """W-01: The same port, upgraded for our Origin; another Origin is 403."""
    with front.browser() as browser:
        code = front.open_lab(browser).json()["code"]
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    address = f"{front.url.replace('https', 'wss')}/ws/labs/{code}/"

    async def hear(origin: str) -> dict:
        options = {"origin": origin, "additional_headers": {"Cookie": cookie}, "ssl": front.trust}
        async with websockets.connect(address, **options) as opened:
            return json.loads(await asyncio.wait_for(opened.recv(), 10))

    assert asyncio.run(hear(front.url))["lab"]["code"] == code
    with pytest.raises(websockets.InvalidStatus) as refused:
        asyncio.run(hear("https://evil.example"))
    assert refused.value.response.status_code == 403


def test_previews_have_a_name_of_their_own(front):
    """W-07: A name of the previews' domain reaches their process, never the site; the site's name never reaches them."""
    port = front.url.rpartition(":")[2]
    name = f"{'0' * 32}.preview.localhost"
    head = f"GET /api/v1/lessons HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode()
    trust = ssl.create_default_context(cafile=front.trust_file)
    trust.check_hostname = False  # the certificate of this test names localhost alone
    with trust.wrap_socket(socket.create_connection(("localhost", int(port)), 10), server_hostname=name) as connection:
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b" 404 " in answer.splitlines()[0] and b"There is no such preview" in answer
    with front.browser() as browser:
        assert "courses" in browser.get("/api/v1/lessons").json()


def test_a_flood_of_a_body_stops_at_the_door(front):
    """A-04: What is larger than any form of ours never reaches the site."""
    with front.browser() as browser:
        assert browser.post("/api/v1/labs", content=b"x" * (3 << 20)).status_code == 413


def test_metrics_are_for_this_machine(front):
    """A watcher on this machine may read them."""
    with front.browser() as browser:
        assert "vitrine_sandboxes" in browser.get("/metrics").text


def plug(front) -> ssl.SSLSocket:
    """A connection by hand."""
    raw = socket.create_connection(("localhost", int(front.url.rpartition(":")[2])), 10)
    return front.trust.wrap_socket(raw, server_hostname="localhost")


SLOW = {
    "head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-",
    "body": b"POST /api/v1/labs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",
}


@pytest.mark.parametrize("start", SLOW.values(), ids=SLOW.keys())
def test_who_is_slow_is_cut(front, start):
    """A-05: A head or a body that never ends is cut by nginx, and reaches no server of ours."""
    with plug(front) as slow:
        slow.sendall(start)
        slow.settimeout(8)
        seen = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := slow.recv(4096):
                seen += data

    assert seen == b"" or b" 408 " in seen.partition(b"\r\n")[0]


def test_a_body_of_a_gibibyte_is_refused_by_its_length(front):
    """A-04: What says how large it is is refused before a byte of it is taken."""
    with plug(front) as large:
        large.sendall(b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n")
        assert b" 413 " in large.recv(4096).partition(b"\r\n")[0]


def test_a_chunked_flood_is_cut(front):
    """A-04: What does not say is cut at the same size."""
    with plug(front) as large:
        large.sendall(b"POST /api/v1/labs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            for _ in range(64):
                large.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert b" 413 " in large.recv(4096).partition(b"\r\n")[0]


def test_two_lengths_stop_here(front):
    """Both lengths in one request: refused at the door, so that two servers cannot read it differently."""
    with plug(front) as twofold:
        twofold.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert b" 400 " in twofold.recv(4096).partition(b"\r\n")[0]


def test_a_head_too_large_stops_here(front):
    """A-11: A cookie of 100 kB, or an address of as much: 400 or 414."""
    for head in (b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a=" + b"x" * 100_000, b"GET /" + b"a" * 100_000 + b" HTTP/1.1"):
        with plug(front) as large:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                large.sendall(head + b"\r\n\r\n")
            assert large.recv(4096).split()[1] in (b"400", b"414")
