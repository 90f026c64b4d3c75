"""Archives that authors send: zip and tar, read member by member, never unpacked.

An archive may hold links, devices, names that climb, a million entries or a gigabyte of zeros in
a kilobyte. So members are read into memory, each up to its bound, and everything that is not a
plain file or a directory is refused. No path of an archive is ever given to the system.
"""

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext as _

from labsite.desk.folders import LARGEST, LARGEST_IN_ALL, MOST_FILES, Files, Refused, judge, judge_name

MOST_MEMBERS = 2 * MOST_FILES
UNPACKED = 4 * LARGEST_IN_ALL  # of a compressed tar, its headers and padding too
LZMA_MEMORY = 64 << 20
UNREADABLE = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError, RuntimeError)
SYMLINK, KIND = 0o120000, 0o170000


def read(data: bytes) -> Files:
    """The lesson in an archive: its files under their names beside lesson.md. Refused says why not."""
    if len(data) > LARGEST_IN_ALL:
        raise Refused(_("The archive is larger than 4 MiB."))
    try:
        members = dict(_once(_zip(data) if data[:2] == b"PK" else _tar(data)))
    except UNREADABLE as error:
        raise Refused(_("This is no zip or tar archive that can be read: %(why)s") % {"why": error}) from error
    return judge(_beside_lesson(members))


def _once(members: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    total = 0
    for name, data in members:
        total += len(data)
        if name in seen:
            raise Refused(_("%(name)s is there twice, or differs only in capitals.") % {"name": name})
        if total > LARGEST_IN_ALL:
            raise Refused(_("All files together are larger than 4 MiB."))
        seen.add(name)
        yield name, data


def _zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        _not_too_many(len(entries))
        for each in entries:
            if (each.external_attr >> 16) & KIND == SYMLINK:
                raise Refused(_("%(name)s is a link or a device: only plain files are taken.") % {"name": each.orig_filename})
            if each.is_dir():
                continue
            if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Refused(_("%(name)s is packed in a way that is not taken here.") % {"name": each.orig_filename})
            judge_name(each.orig_filename)
            with archive.open(each) as file:
                yield each.filename, _bounded(file, each.filename)


def _tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(_unpacked(data)), mode="r:") as archive:
        for number, each in enumerate(archive):
            _not_too_many(number)
            if each.isdir():
                continue
            if not each.isreg() or each.issparse():
                raise Refused(_("%(name)s is a link or a device: only plain files are taken.") % {"name": each.name})
            name = each.name.removeprefix("./")
            judge_name(name)
            file = archive.extractfile(each)
            if file is not None:
                yield name, _bounded(file, name)


def _unpacked(data: bytes) -> bytes:
    """A tar without its compression. The bound holds before memory is taken."""
    if data[:2] == b"\x1f\x8b":
        plain = zlib.decompressobj(31).decompress(data, UNPACKED)
    elif data[:3] == b"BZh":
        plain = bz2.BZ2Decompressor().decompress(data, UNPACKED)
    elif data[:6] == b"\xfd7zXZ\x00":
        plain = lzma.LZMADecompressor(memlimit=LZMA_MEMORY).decompress(data, UNPACKED)
    else:
        return data
    if len(plain) >= UNPACKED:
        raise Refused(_("All files together are larger than 4 MiB."))
    return plain


def _not_too_many(number: int) -> None:
    if number > MOST_MEMBERS:
        raise Refused(_("There are more than %(n)s files.") % {"n": MOST_FILES})


def _bounded(file: IO[bytes], name: str) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Refused(_("%(name)s is larger than 1 MiB.") % {"name": name})
    return data


def _beside_lesson(members: Files) -> Files:
    """The folder that holds lesson.md: the archive itself, or the only one in it that does."""
    if "lesson.md" in members:
        return members
    homes = [name.removesuffix("lesson.md") for name in members if name.endswith("/lesson.md")]
    if len(homes) != 1:
        raise Refused(_("An archive holds one lesson: one file lesson.md, and its other files beside it."))
    return {name.removeprefix(homes[0]): data for name, data in members.items() if name.startswith(homes[0])}
