"""Previews of ports on the real site, against a server in a real sandbox that misbehaves."""

import contextlib
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.labsite.stack import ROOT, Stack, reason_not_to_run, running_site

pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))
PORT = 8080


@dataclass
class Tab:
    """A learner with a lab, and a preview of hers."""

    site: Stack
    learner: httpx.Client
    code: str
    host: str = ""
    cookie: str = ""

    def enter(self, port: int = PORT, path: str = "") -> httpx.Response:
        """Ask the site for a preview; where it sends to is not followed."""
        return self.learner.get(f"/ports/{self.code}/-/{port}/{path}")

    def ask(self, target: str = "/", method: str = "GET", **headers: str) -> httpx.Response:
        """One request with the preview's cookie."""
        headers = {"Host": self.host, "Cookie": self.cookie, **headers}
        return httpx.request(method, f"http://127.0.0.1:{self.site.previews}{target}", headers=headers, timeout=20)

    def raw(self, head: str, body: bytes = b"") -> bytes:
        """Bytes as they are; what comes back until the end."""
        with socket.create_connection(("127.0.0.1", self.site.previews), 20) as connection:
            connection.sendall(head.format(host=self.host, cookie=self.cookie).replace("\n", "\r\n").encode("latin-1") + body)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while data := connection.recv(65536):
                    answer += data
        return answer


@contextlib.contextmanager
def visitor(site: Stack) -> Iterator[httpx.Client]:
    """Somebody with a session."""
    with httpx.Client(base_url=site.url, headers={"Origin": site.url}, timeout=20) as client:
        client.get("/")
        yield client


def lab_of(client: httpx.Client) -> str:
    """A lab of the workshop, its server listening."""
    headers = {"X-CSRFToken": client.cookies["csrftoken"]}
    code = client.post("/api/v1/labs", json={"lesson": "tests/workshop"}, headers=headers).json()["code"]
    deadline = time.monotonic() + 40
    while client.get(f"/api/v1/labs/{code}").json()["status"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return code


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> Iterator[Tab]:
    """The whole site, and one preview that was opened as a page would."""
    lessons = tmp_path_factory.mktemp("lessons")
    shutil.copytree(ROOT / "tests/e2e/course", lessons / "tests")
    Path(lessons).chmod(0o755)
    with running_site(VITRINE_LESSONS=str(lessons)) as site, visitor(site) as learner:
        tab = Tab(site, learner, lab_of(learner))
        address = httpx.URL(tab.enter(path="hello?x=1").headers["Location"])
        tab.host = address.netloc.decode()
        entered = tab.ask(address.raw_path.decode())
        assert (entered.status_code, entered.headers["Location"]) == (303, "/hello?x=1")
        tab.cookie = entered.headers["Set-Cookie"].partition(";")[0]
        assert "HttpOnly" in entered.headers["Set-Cookie"] and "Domain" not in entered.headers["Set-Cookie"]
        assert tab.ask(address.raw_path.decode()).status_code == 404  # a ticket is good once
        yield tab


def test_the_origin_is_none_of_the_sites(tab):
    """W-07: A preview has an origin of its own that nobody guesses; without its own cookie it is not there."""
    assert re.fullmatch(r"[0-9a-f]{32}\.preview\.localhost:\d+", tab.host)
    assert "Hello from inside" in tab.ask("/hello").text

    for cookie in ("", "vitrine-preview=forged", "; ".join(f"{k}={v}" for k, v in tab.learner.cookies.items())):
        assert tab.ask("/hello", Cookie=cookie).status_code == 404
    assert tab.ask("/hello", Host=f"{'0' * 32}.preview.localhost:{tab.site.previews}").status_code == 404
    assert tab.ask("/hello", Host="localhost").status_code == 404
    assert tab.learner.get("/", headers={"Host": tab.host}).status_code == 400


def test_a_stranger_opens_nothing(tab):
    """W-07, T-05: Who does not own the lab gets 404 from the site, and her own cookie opens no other preview."""
    with visitor(tab.site) as stranger:
        assert stranger.get(f"/ports/{tab.code}/-/{PORT}/").status_code == 404
        theirs = Tab(tab.site, stranger, lab_of(stranger))
        address = httpx.URL(theirs.enter().headers["Location"])
        theirs.host = address.netloc.decode()
        cookie = theirs.ask(address.raw_path.decode()).headers["Set-Cookie"].partition(";")[0]

        assert theirs.ask("/hello", Cookie=cookie).status_code == 200
        assert tab.ask("/hello", Cookie=cookie).status_code == 404
        assert tab.ask(address.raw_path.decode()).status_code == 404
        stranger.delete(f"/api/v1/labs/{theirs.code}", headers={"X-CSRFToken": stranger.cookies["csrftoken"]})
        deadline = time.monotonic() + 10
        while theirs.ask("/hello", Cookie=cookie).status_code != 404:
            assert time.monotonic() < deadline, "a preview outlives its lab"
            time.sleep(0.2)


@pytest.mark.parametrize("port", [22, 80, 9000, 6379, 0, 70000])
def test_only_ports_of_the_lesson(tab, port):
    """W-08: A port the lesson neither declares nor links to is not there, though a server may listen on it."""
    assert tab.enter(port).status_code == 404


@pytest.mark.parametrize("machine", ["127.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "other", "box@127.0.0.1", "box:22"])
def test_only_machines_of_the_lab(tab, machine):
    """W-08: The machine is a name of the lab; an address in its place leads nowhere."""
    assert tab.learner.get(f"/ports/{tab.code}/{machine}/{PORT}/").status_code == 404


def test_the_hosts_own_ports_are_out_of_reach(tab):
    """W-08: The connection is made inside: where only the host listens, nobody answers; what a target says changes nothing."""
    with socket.create_server(("127.0.0.1", 8081)):
        location = httpx.URL(tab.enter(8081).headers["Location"])
        other = Tab(tab.site, tab.learner, tab.code, location.netloc.decode())
        other.cookie = other.ask(location.raw_path.decode()).headers["Set-Cookie"].partition(";")[0]
        answer = other.ask("/")
    assert (answer.status_code, "No server answers on port 8081" in answer.text) == (502, True)
    assert "没有" in other.ask("/", **{"Accept-Language": "zh-CN,zh"}).text

    assert b" 400 " in tab.raw("GET http://127.0.0.1:22/ HTTP/1.1\nHost: {host}\nCookie: {cookie}\n\n").splitlines()[0]
    assert "Host: localhost:8080" in tab.ask("//127.0.0.1:22/").text


def test_a_redirect_is_the_browsers(tab):
    """W-08: A redirect is never followed here; one to the server's own address stays in the preview."""
    away = tab.ask("/away?http://169.254.169.254/latest")
    home = tab.ask("/away?http://localhost:8080/next?a=b")

    assert (away.status_code, away.headers["Location"]) == (302, "http://169.254.169.254/latest")
    assert home.headers["Location"] == "/next?a=b"


def test_what_the_sandbox_is_told(tab):
    """W-09: No cookie of ours, no password, no way; Host and Origin as from beside it; hop-by-hop headers end here."""
    sent = {
        "Cookie": f"{tab.cookie}; sessionid=abc; csrftoken=def; theirs=1", "Authorization": "Basic eDp5", "X-Forwarded-For": "1.2.3.4",
        "Origin": f"http://{tab.host}", "Referer": f"http://{tab.host}/from", "Connection": "close, X-Private", "X-Private": "1",
        "Proxy-Authorization": "Basic x", "TE": "trailers", "Upgrade": "h2c", "HTTP2-Settings": "AAA", "X-Kept": "yes",
    }  # fmt: skip
    told = tab.ask("/echo", **sent).text

    assert re.search(r"(?m)^Cookie: theirs=1$", told) and "x-kept: yes" in told.lower()
    assert (
        "Host: localhost:8080" in told
        and "Origin: http://localhost:8080" in told
        and "Referer: http://localhost:8080/from" in told
    )
    for word in ("vitrine", "sessionid", "Basic", "1.2.3.4", "X-Private", "h2c", "AAA", "trailers", tab.host):
        assert word not in told


SMUGGLED = {
    "CL and TE": ("POST / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\nX", {400}),
    "two lengths": ("POST / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nContent-Length: 5\nContent-Length: 6\n\nabcdef", {400}),
    "strange coding": ("POST / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nTransfer-Encoding: xchunked\n\n0\n\n", {400, 501}),
    "two hosts": ("GET / HTTP/1.1\nHost: {host}\nHost: evil\nCookie: {cookie}\n\n", {400}),
    "space before colon": ("GET / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nContent-Length : 5\n\n", {400}),
    "huge head": ("GET / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nX: " + "y" * 70000 + "\n\n", {431}),
    "connect": ("CONNECT 127.0.0.1:22 HTTP/1.1\nHost: {host}\nCookie: {cookie}\n\n", {405}),
    "too long": ("POST / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nContent-Length: 99999999\n\n", {413}),
    "foreign origin": ("GET / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nOrigin: http://evil.example\n\n", {403}),
    "worker": ("GET / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nService-Worker: script\n\n", {403}),
}  # fmt: skip


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_two_readers_could_read_differently_is_refused(tab, name):
    """W-09: A request with two lengths, a huge head, a foreign origin and their like is refused and nothing of it passed on."""
    head, wanted = SMUGGLED[name]
    answer = tab.raw(head)

    assert int(answer.split()[1]) in wanted, answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1


def test_one_request_for_each_connection(tab):
    """W-09: What follows a request in its connection is never read."""
    request = "GET /echo HTTP/1.1\nHost: {host}\nCookie: {cookie}\n\n"
    answer = tab.raw(request + request)

    assert answer.count(b"HTTP/1.1 200") == 1 and b"onnection: close" in answer


def test_a_body_goes_through_whole(tab):
    """A megabyte arrives, and a chunked body does."""
    sent = httpx.post(
        f"http://127.0.0.1:{tab.site.previews}/up", content=bytes(1 << 20), headers={"Host": tab.host, "Cookie": tab.cookie}
    )
    head = "POST / HTTP/1.1\nHost: {host}\nCookie: {cookie}\nTransfer-Encoding: chunked\n\n"

    assert sent.text == str(1 << 20)
    assert tab.raw(head, b"3\r\nabc\r\n0\r\n\r\n").endswith(b"chunked abc")


def test_what_the_browser_is_told(tab):
    """W-10: No cookie for another host or with a name of ours, no header that reaches beyond this origin; our own policy."""
    answer = tab.ask("/evil")

    assert answer.headers.get_list("Set-Cookie") == ["theirs=1; Path=/"]
    for name in (
        "Clear-Site-Data",
        "Service-Worker-Allowed",
        "Strict-Transport-Security",
        "X-Secret",
        "Alt-Svc",
        "X-Frame-Options",
    ):
        assert name not in answer.headers
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert (answer.headers["Referrer-Policy"], answer.headers["Cross-Origin-Resource-Policy"]) == ("same-origin", "same-origin")


def test_an_endless_answer_is_cut(tab):
    """W-10: A body without end stops at 64 MiB, and the connection is reset so that nobody takes it for whole."""
    total = 0
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        with httpx.stream(
            "GET", f"http://127.0.0.1:{tab.site.previews}/big", headers={"Host": tab.host, "Cookie": tab.cookie}
        ) as answer:
            for data in answer.iter_raw():
                total += len(data)
    assert 60 << 20 < total <= 64 << 20
    assert tab.ask("/broken").status_code == 502


def test_a_websocket_goes_through(tab):
    """W-09: A websocket of the preview's own page reaches the server, without our cookie; another origin's does not."""
    head = "GET /socket HTTP/1.1\nHost: {host}\nCookie: {cookie}\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
    with socket.create_connection(("127.0.0.1", tab.site.previews), 10) as connection:
        text = (head + key + "Origin: http://{host}\n\n").format(host=tab.host, cookie=tab.cookie).replace("\n", "\r\n")
        connection.sendall(text.encode() + b"x")
        answer = b""
        while b"\x81\x01!" not in answer:
            data = connection.recv(4096)
            assert data, answer
            answer += data
    assert b"101 " in answer and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer and b"http://localhost:8080 None" in answer

    assert b" 403 " in tab.raw(head + key + "Origin: http://evil.example\n\n").splitlines()[0]
