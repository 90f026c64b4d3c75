"""The editor's acts in a real sandbox, by its API: what is read, written and refused."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.labsite.conftest import LESSON
from tests.labsite.stack import Stack, reason_not_to_run, running_site

pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))


class Desk:
    """A visitor and the files of her lab."""

    def __init__(self, site: Stack) -> None:
        self.http = httpx.Client(base_url=site.url, headers={"Origin": site.url}, timeout=20)
        self.http.get("/")
        self.code = ""

    def open(self) -> None:
        self.code = self.http.post("/api/v1/labs", json={"lesson": LESSON}, headers=self.token()).json()["code"]
        deadline = time.monotonic() + 40
        while self.http.get(f"/api/v1/labs/{self.code}").json()["status"] != "running":
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def token(self) -> dict[str, str]:
        return {"X-CSRFToken": self.http.cookies["csrftoken"]}

    def ask(self, method: str, kind: str, path: str = "", **more) -> httpx.Response:
        params = {"path": path, **more.pop("params", {})} if path else None
        more["headers"] = {**self.token(), **more.get("headers", {})}
        return self.http.request(method, f"/api/v1/labs/{self.code}/sandboxes/box/{kind}", params=params, **more)

    def save(self, path: str, text: str, version: str = "new") -> httpx.Response:
        return self.ask("PUT", "file", json={"path": path, "text": text, "version": version})


@pytest.fixture(scope="module")
def site() -> Iterator[Stack]:
    """A running site."""
    with running_site() as stack:
        yield stack


@pytest.fixture(scope="module")
def desk(site) -> Iterator[Desk]:
    """Lena's files."""
    desk = Desk(site)
    desk.open()
    yield desk
    desk.http.delete(f"/api/v1/labs/{desk.code}", headers=desk.token())
    desk.http.close()


def test_a_file_is_written_read_and_guarded(desk):
    """A file that changed since it was read is not overwritten, unless she says so."""
    first = desk.save("/root/work/ein ü.txt", "one\n").json()["version"]
    assert desk.save("/root/work/ein ü.txt", "other\n").json()["code"] == "exists"
    second = desk.save("/root/work/ein ü.txt", "two\n", first).json()["version"]
    late = desk.save("/root/work/ein ü.txt", "lost?\n", first)

    assert (late.status_code, late.json()["code"]) == (409, "changed")
    found = desk.ask("GET", "file", "/root/work/ein ü.txt").json()
    assert (found["text"], found["version"], found["why"]) == ("two\n", second, "")
    assert desk.save("/root/work/ein ü.txt", "three\n", "any").status_code == 200
    assert desk.ask("GET", "files", "/root/work").json()["entries"] == [{"name": "ein ü.txt", "kind": "file"}]


def test_names_are_moved_made_and_removed(desk):
    """A new name never covers another file; a directory goes with all that is in it; the root stays."""
    desk.save("/root/names/a", "a")
    desk.save("/root/names/b", "b")
    over = desk.ask("POST", "files", json={"path": "/root/names/a", "to": "/root/names/b"})
    assert (over.status_code, over.json()["code"]) == (409, "exists")
    assert desk.ask("POST", "files", json={"path": "/root/names/a", "to": "/root/names/c"}).status_code == 204
    assert desk.ask("POST", "files", json={"path": "/root/names/d", "directory": True}).status_code == 204
    entries = [(each["kind"], each["name"]) for each in desk.ask("GET", "files", "/root/names").json()["entries"]]
    assert entries == [("directory", "d"), ("file", "b"), ("file", "c")]

    assert desk.ask("DELETE", "files", "/root/names").status_code == 204
    assert desk.ask("GET", "files", "/root/names").status_code == 404
    assert desk.ask("DELETE", "files", "//").status_code == 409


def test_what_is_no_text_is_told(desk):
    """Bytes, a directory, a device and what is not there have words of their own; none of them is read endlessly."""
    assert desk.ask("GET", "file", "/bin/sh").json()["why"] in ("binary", "too-large")
    for path, code in (("/dev/zero", "not-a-file"), ("/root", "not-a-file"), ("/nowhere", "missing")):
        assert desk.ask("GET", "file", path).json()["code"] == code
    assert desk.save("/root", "x", "any").json()["code"] == "not-a-file"
    assert desk.save("/root/big", "x" * (600 << 10)).status_code == 413


@pytest.mark.parametrize("path", ["relative", "/a\0b", "/" + "a" * 5000, "../etc/passwd"])
def test_a_path_is_absolute(desk, path):
    """Anything else is refused at the door."""
    assert desk.ask("GET", "file", path).status_code == 400


def test_bytes_go_up_and_down(desk):
    """W-18: A file in two pieces arrives whole, comes back as an attachment, and a piece out of place is refused."""
    data = bytes(range(256)) * 3000
    for at in range(0, len(data), 512 << 10):
        piece = data[at : at + (512 << 10)]
        assert desk.ask("PUT", "raw", "/root/up.bin", params={"at": str(at)}, content=piece).status_code == 204
    assert desk.ask("PUT", "raw", "/root/up.bin", params={"at": "7"}, content=b"x").json()["code"] == "changed"
    down = desk.ask("GET", "raw", "/root/up.bin")

    assert down.content == data
    assert down.headers["Content-Disposition"] == 'attachment; filename="up.bin"'
    assert (down.headers["Content-Type"], down.headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert desk.ask("PUT", "raw", "/root/up.bin", content=bytes((512 << 10) + 1)).status_code == 413


def test_links_stay_inside(desk):
    """W-18: A link out of the machine leads to the machine's own files: paths are resolved by a process inside."""
    shown = desk.ask("GET", "file", "/proc/1/root/etc/hostname").json()
    assert shown["text"] == desk.ask("GET", "file", "/etc/hostname").json()["text"]
    assert desk.ask("GET", "files", "/proc/1/cwd/../../../../var/lib/vitrine").status_code == 404


def test_a_stranger_finds_no_file(site, desk):
    """T-05: Another visitor gets 404 for every act; without a token of the form nothing is changed."""
    otto = Desk(site)
    otto.code = desk.code
    asked = [otto.ask("GET", "file", "/etc/passwd"), otto.ask("GET", "files", "/"), otto.ask("GET", "raw", "/etc/passwd"),
             otto.save("/root/x", "x"), otto.ask("PUT", "raw", "/root/x", content=b"x"), otto.ask("DELETE", "files", "/root")]  # fmt: skip
    assert {answer.status_code for answer in asked} == {404}
    otto.http.close()
    assert desk.ask("DELETE", "files", "/root", headers={"X-CSRFToken": "wrong"}).status_code == 403
