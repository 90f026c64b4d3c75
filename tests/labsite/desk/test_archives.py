"""Archives and repositories: what is a lesson comes in, everything else stays out and leaves nothing."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labsite.desk import archives, repository, services
from labsite.desk.folders import Refused
from labsite.desk.models import Draft
from tests.labsite.desk.conftest import TEXT

LESSON = {"lesson.md": TEXT.encode()}


def tarred(files: dict[str, bytes], *more: tarfile.TarInfo) -> bytes:
    """A tar of these files and entries."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in more:
            archive.addfile(info)
    return out.getvalue()


def zipped(files: dict[str, bytes], mode: int = 0, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files, the last of them with that mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for number, (name, data) in enumerate(files.items()):
            info = zipfile.ZipInfo(name)
            info.compress_type = how
            info.external_attr = (mode << 16) if number == len(files) - 1 else 0
            archive.writestr(info, data)
    return out.getvalue()


def entry(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A special entry of a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "pack",
    [tarred, zipped, lambda f: gzip.compress(tarred(f)), lambda f: bz2.compress(tarred(f)), lambda f: lzma.compress(tarred(f))],
)
@pytest.mark.parametrize("home", ["", "./", "repository-main/"])
def test_a_lesson_comes_in(pack, home):
    """zip, tar, tar.gz, tar.bz2, tar.xz; at the top or in the one folder that has lesson.md."""
    if home == "./" and pack is zipped:
        home = ""
    files = {f"{home}{name}": data for name, data in {**LESSON, "files/a.sh": b"x"}.items()}

    assert {**LESSON, "files/a.sh": b"x"} == archives.read(pack(files))


CLIMBING = (
    "../evil",
    "/etc/evil",
    "a/../../evil",
    "..",
    "a\\..\\evil",
    ".hidden",
    "C:/evil",
    "a/./b",
    "x" * 300,
    "a\nb",
    "é/\u202ex",
)
BOMB = {**LESSON, "zeros": bytes(60 << 20)}
HOSTILE = {
    **{f"tar {name[:20]!r}": tarred({**LESSON, name: b"x"}) for name in CLIMBING},
    **{f"zip {name[:20]!r}": zipped({**LESSON, name: b"x"}) for name in CLIMBING},
    "symlink": tarred(LESSON, entry("link", tarfile.SYMTYPE, "/etc/passwd")),
    "hard link": tarred(LESSON, entry("link", tarfile.LNKTYPE, "lesson.md")),
    "fifo": tarred(LESSON, entry("pipe", tarfile.FIFOTYPE)),
    "device": tarred(LESSON, entry("null", tarfile.CHRTYPE)),
    "zip symlink": zipped({**LESSON, "link": b"/etc/passwd"}, 0o120777),
    "gz bomb": gzip.compress(tarred(BOMB)),
    "xz bomb": lzma.compress(tarred(BOMB)),
    "zip bomb": zipped(BOMB),
    "zip lzma": zipped(LESSON, how=zipfile.ZIP_LZMA),
    "many": tarred({**LESSON, **{f"f{n}": b"" for n in range(1000)}}),
    "twice": tarred(LESSON) [:1024] + tarred(LESSON),
    "capitals": tarred({**LESSON, "A": b"1", "a": b"2"}),
    "file and directory": tarred({**LESSON, "a": b"1", "a/b": b"2"}),
    "no lesson": tarred({"readme.md": b"x"}),
    "two lessons": tarred({"a/lesson.md": b"x", "b/lesson.md": b"x"}),
    "cut": gzip.compress(tarred(LESSON))[:60],
    "noise": b"PK\x03\x04" + bytes(range(256)) * 8,
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.django_db
def test_hostile_archives_are_refused(name, writer, desk):
    """W-19: Through the upload form: a message, no lesson, and nothing written anywhere."""
    upload = SimpleUploadedFile("lesson.tar", HOSTILE[name])
    answer = writer.post("/desk/", {"slug": "stolen", "archive": upload})

    assert (400, 0) == (answer.status_code, Draft.objects.count())
    assert 'class="problem"' in answer.content.decode()
    assert [] == [path for path in desk.rglob("*") if path.is_file()]


@pytest.mark.parametrize("url", [
    "file:///etc", "ssh://git@localhost/x", "git@host:x", "ext::sh -c id", "http://example.org/x", "https://localhost/x",
    "https://127.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/x", "https://10.0.0.1/x", "https://[::ffff:127.0.0.1]/x",
    "https://0/x", "https://user:word@example.org/x", "--upload-pack=id", "https://2130706433/x", "https://", "https://x:99999/y",
])  # fmt: skip
def test_git_reaches_only_the_public_internet(url, monkeypatch):
    """W-19: Other schemes, names with passwords, and addresses of this host or its network are refused before git begins."""
    monkeypatch.setattr(repository, "_git", lambda *_: pytest.fail("git was begun"))

    with pytest.raises(Refused):
        repository.read(url)


@pytest.mark.django_db
def test_an_upload_is_a_version(writer, draft):
    """A file laid beside the lesson, and taken away again."""
    writer.post("/desk/two-names/files/", {"directory": "files", "upload": SimpleUploadedFile("a.sh", b"echo\n")})
    assert {"lesson.md", "files/a.sh"} == services.files_of(draft.newest).keys()

    writer.post("/desk/two-names/files/", {"remove": "files/a.sh"})
    writer.post("/desk/two-names/files/", {"remove": "lesson.md"})
    writer.post("/desk/two-names/files/", {"upload": SimpleUploadedFile("big", bytes((1 << 20) + 1))})
    assert (3, {"lesson.md"}) == (draft.newest.number, services.files_of(draft.newest).keys())
