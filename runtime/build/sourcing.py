"""What an instruction's words mean: files of the context, texts of the file's own, archives, commands.

Names are looked up with the context as the root directory: a link that leads out of it arrives
inside, and `..` before the first name is refused. An archive that ADD unpacks is a stranger's, so a
jail unpacks it (runtime.image.jail), and what is there then is copied like any directory.

See "COPY", "ADD" and "Here-Documents" in the reference of the Dockerfile format.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path
from posixpath import normpath

from runtime.build import words
from runtime.build.containerfile import HEREDOC, Instruction
from runtime.build.copying import Copy, Item
from runtime.build.ignore import Ignore, component
from runtime.build.stage import Stage
from runtime.image import apply, beneath
from runtime.image.merged import Merged
from runtime.image.streams import MAGIC
from runtime.image.unpack import Limits

GLOB = re.compile(r"[*?\[]")
URL = re.compile(r"(https?|ftp)://|git@", re.IGNORECASE)
TAR = b"ustar"


def command(stage: Stage, step: Instruction) -> list[str]:
    """What RUN runs. A text after << is the shell's input if nothing stands before it."""
    if not step.heredocs:
        return stage.command(step)
    (text, *others) = step.heredocs
    if others or HEREDOC.sub("", step.text).strip():
        raise step.wrong("write RUN <<EOF alone on its line; the text below is the script")
    if text.text.startswith("#!"):
        raise step.wrong("a script with #! of its own: COPY it into the image and RUN it, or name the shell with SHELL")
    return [*stage.shell, text.text]


def operands(stage: Stage, step: Instruction) -> list[str]:
    """Sources and target, at least one of each."""
    found = stage.split(step)
    if len(found) < 2:
        raise step.wrong("write one source or more, then where to")
    return found


def mode(step: Instruction) -> int | None:
    """--chmod, in octal."""
    text = step.flag("chmod")
    if text and not re.fullmatch("[0-7]{3,4}", text):
        raise step.wrong(f"--chmod={text[:20]}: not an octal mode such as 755")
    return int(text, 8) if text else None


def items(stage: Stage, step: Instruction, name: str, tree: Merged, skip: Ignore) -> list[Item]:
    """What one source means; at least one file or directory."""
    heredoc = HEREDOC.fullmatch(name)
    if heredoc:
        return [_text(stage, step, heredoc[3])]
    if URL.match(name):
        raise step.wrong(f"{name[:80]}: a build has no network; fetch it beforehand and COPY it")
    plain = normpath(name.lstrip("/") or ".")
    if plain.startswith("../") or plain == "..":
        raise step.wrong(f"{name[:80]} is outside of the context; only what is below it can be copied")
    found = [path for path in _matching(tree, plain) if not skip(path) or tree.is_directory(path)]
    if not found:
        raise step.wrong(f"there is no {name[:80]} in the context{', or it is ignored' if tree.find(plain) else ''}")
    return [Item(tree, path) for path in found]


def _text(stage: Stage, step: Instruction, name: str) -> Item:
    found = next(each for each in step.heredocs if each.name == name)
    try:
        text = found.text if found.raw else words.substitute(found.text, stage.values)
    except words.WordError as error:
        raise step.wrong(str(error)) from error
    return Item(None, name, text.encode())


def _matching(tree: Merged, pattern: str) -> list[str]:
    """The files that a name with * ? [] means, sorted, links followed; a plain name only if it is there."""
    found = [""]
    for part in pattern.split("/") if pattern != "." else []:
        if not GLOB.search(part):
            found = [f"{path}/{part}".lstrip("/") for path in found]
            continue
        wanted = re.compile(component(part), re.DOTALL)
        ways = [(path, tree.resolve(path)) for path in found]
        found = [f"{path}/{name}".lstrip("/") for path, way in ways for name in tree.names(way) if wanted.fullmatch(name)]
    resolved = dict.fromkeys(tree.resolve(path) for path in found)
    return [path for path in resolved if not path or tree.find(path)]


def unpacked(step: Instruction, sources: Sequence[Item], copy: Copy, target: str, scratch: Path) -> list[Item]:
    """Put the content of local archives into the plan, their owners kept; the other sources are returned."""
    rest = []
    for number, item in enumerate(sources):
        fd = _archive(step, item)
        if fd < 0:
            rest.append(item)
            continue
        root = scratch / f"added-{number}-{len(copy.entries)}"
        root.mkdir(mode=0o755)
        try:
            report = apply.unpack(item.path, fd, root, Limits(entries=1_000_000))
        finally:
            os.close(fd)
        if report.whiteouts or report.opaque:
            raise step.wrong(f"{item.path} holds names that begin with .wh.: that is a layer, not files")
        keep, ignored, times = copy.keep, copy.ignored, copy.keep_times
        copy.keep, copy.ignored, copy.keep_times = True, Ignore(), True
        copy.add([Item(Merged([root]), "", contents=True)], target)
        copy.keep, copy.ignored, copy.keep_times = keep, ignored, times
    return rest


def _archive(step: Instruction, item: Item) -> int:
    """A descriptor of the file if it is a tar, packed or not; -1 if it is anything else."""
    found = item.tree.find(item.path) if item.tree else None
    if found is None or not stat.S_ISREG(found[1].st_mode):
        return -1
    fd = beneath.regular(found[0], item.path)
    start = os.pread(fd, 8192, 0)
    packing = next((name for magic, name in MAGIC.items() if start.startswith(magic)), "")
    if packing in ("bzip2", "xz") and re.search(r"\.(tar\.\w+|t[bx]z2?)$", item.path):
        os.close(fd)
        raise step.wrong(f"{item.path}: archives are unpacked from tar, gzip and zstd, not from {packing}; repack it")
    if packing == "gzip":
        start = _inflated(start)
    if start[257:262] == TAR or (packing == "zstd" and re.search(r"\.(tar\.zst|tzst)$", item.path)):
        return fd
    os.close(fd)
    return -1


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data, 512)
    except zlib.error:
        return b""
