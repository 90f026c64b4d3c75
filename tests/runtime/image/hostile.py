"""Hostile archives, made by code: what a stranger may send, and what each tries.

Every one is the layer of an image, or the archive around it. `LAYERS` are tars whose import must be
refused with words that match; `ARCHIVES` are whole archives of the same kind; `CONTAINED` may be
imported, and a check says what must (not) be in the tree then.
"""

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile

from runtime.image.store import MACHINE
from tests.runtime.image.archives import tar_of

SYM, LNK, DIR = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
# As many entries as the test lets an archive have.
MANY = 20_000
GOOD = tar_of(({"name": "file"}, b"x"))
MIB = 1 << 20


def header(name, **fields):
    """One ustar header as tarfile would never write it; `raw` replaces bytes at offsets."""
    raw = fields.pop("raw", {})
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    for offset, data in raw.items():
        block[offset : offset + len(data)] = data
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


def pax(body):
    """A pax header with this body before a small file."""
    return header("pax", type=tarfile.XHDTYPE, size=len(body)) + body + bytes(-len(body) % 512) + header("file") + bytes(1024)


def entries(count):
    """A tar of so many empty files, made quickly."""
    block = bytearray(header("0000000"))
    out = io.BytesIO()
    plain = sum(block[:7])
    base = int(block[148:154], 8)
    for number in range(count):
        name = b"%07d" % number
        block[:7] = name
        block[148:156] = b"%06o\0 " % (base - plain + sum(name))
        out.write(block)
    return out.getvalue() + bytes(1024)


def sparse(size):
    """A GNU sparse file: 512 bytes that claim to be far apart."""
    fields = {386: b"%011o\0" % 0, 398: b"%011o\0" % 512, 483: b"\x80" + size.to_bytes(11, "big")}
    return header("sparse", type=tarfile.GNUTYPE_SPARSE, size=512, raw=fields) + bytes(512) + bytes(1024)


def bomb(size):
    """A gzip file of zeros within one tar entry, made by the mebibyte."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as file:
        file.write(header("zeros", size=size))
        for _ in range(size // MIB):
            file.write(bytes(MIB))
    return out.getvalue()


BOMB = bomb(300 * MIB)
LAYERS = {
    "dots": (tar_of(({"name": "../../canary"}, b"x")), r"'\.\.' in a name"),
    "dots in the middle": (tar_of(({"name": "a/../../canary"}, b"x")), r"'\.\.' in a name"),
    "a file through a link": (
        tar_of(({"name": "door", "type": SYM, "linkname": "/"}, b""), ({"name": "door/canary"}, b"x")),
        "'door' on its way is no directory but a symbolic link",
    ),
    "a file through two links": (
        tar_of(
            ({"name": "a", "type": SYM, "linkname": "b"}, b""),
            ({"name": "b", "type": SYM, "linkname": "../../.."}, b""),
            ({"name": "a/canary"}, b"x"),
        ),
        "'a' on its way",
    ),
    "links in a circle": (
        tar_of(
            ({"name": "a", "type": SYM, "linkname": "b"}, b""),
            ({"name": "b", "type": SYM, "linkname": "a"}, b""),
            ({"name": "a/x"}, b"x"),
        ),
        "'a' on its way",
    ),
    "a hard link outside": (
        tar_of(({"name": "x", "type": LNK, "linkname": "../../../canary"}, b"")),
        r"entry 'x': '\.\.' in a name",
    ),
    "a hard link to an absolute name": (
        tar_of(({"name": "x", "type": LNK, "linkname": "/etc/passwd"}, b"")),
        "hard link to 'etc/passwd', which is not in this layer",
    ),
    "a hard link through a link": (
        tar_of(({"name": "d", "type": SYM, "linkname": "/etc"}, b""), ({"name": "x", "type": LNK, "linkname": "d/passwd"}, b"")),
        "'d' on the way to its target",
    ),
    "a hard link to itself": (tar_of(({"name": "x", "type": LNK, "linkname": "x"}, b"")), "to itself"),
    "a hard link to a directory": (
        tar_of(({"name": "d", "type": DIR}, b""), ({"name": "x", "type": LNK, "linkname": "d"}, b"")),
        "to the directory 'd'",
    ),
    "the root replaced by a link": (tar_of(({"name": "./", "type": SYM, "linkname": "/etc"}, b"")), "replace the root"),
    "a full directory replaced": (
        tar_of(({"name": "d/file"}, b"x"), ({"name": "d", "type": SYM, "linkname": "/"}, b"")),
        "entry 'd': Directory not empty",
    ),
    "a whiteout of everything": (tar_of(({"name": ".wh..wh..opq"}, b"")), "hide the whole root"),
    "a whiteout of nothing": (tar_of(({"name": "d/.wh."}, b"")), "names nothing"),
    "a whiteout of dots": (tar_of(({"name": "d/.wh..."}, b"")), "names nothing"),
    "a whiteout outside": (tar_of(({"name": "../.wh.canary"}, b"")), r"'\.\.' in a name"),
    "a whiteout through a link": (
        tar_of(({"name": "door", "type": SYM, "linkname": "/"}, b""), ({"name": "door/.wh.canary"}, b"")),
        "'door' on its way",
    ),
    "a directory named as a whiteout": (tar_of(({"name": ".wh.d/file"}, b"")), "begins with .wh."),
    "an owner of another sandbox": (tar_of(({"name": "x", "uid": 1_879_048_192}, b"")), "owner 1879048192:0"),
    "a negative owner": (header("x", raw={108: b"\xff" * 8}) + bytes(1024), "owner -1"),
    "a negative size": (header("x", raw={124: b"\xff" * 12}) + bytes(1024), "size|whole tar"),
    "a size of exbibytes": (header("x", raw={124: b"\x80" + b"\x7f" * 11}) + bytes(1024), "size|whole tar|int too large"),
    "a huge sparse file": (sparse(32 << 40), "a size of"),
    "a name of many parts": (tar_of(({"name": "d/" * 3000 + "x"}, b"")), "deeper than"),
    "a name of one huge part": (tar_of(({"name": "n" * 70000}, b"")), "more than 255 bytes"),
    "a link target of a mebibyte": (tar_of(({"name": "x", "type": SYM, "linkname": "t" * 9000}, b"")), "File name too long"),
    "too many entries": (entries(MANY + 1), f"more than {MANY} entries"),
    "a pax header of a gigabyte": (
        header("pax", type=tarfile.XHDTYPE, size=1 << 30) + bytes(2 * MIB),
        "header of more|memory|whole tar",
    ),
    "a flood of pax records": (pax(b"".join(b"20 comment=%08d\n" % n for n in range(200_000))), "header of more than 1 MiB"),
    "pax headers upon each other": (
        b"".join(header("p", type=tarfile.XHDTYPE, size=0) for _ in range(2000)) + header("x") + bytes(1024),
        "too many headers",
    ),
    "a pax size that is no number": (pax(b"12 size=-99\n"), "size|whole tar"),
    "cut in a file": (tar_of(({"name": "x"}, b"y" * 5000))[:2000], "whole tar|ends after"),
    "no tar at all": (b"MZ" + bytes(5000), "whole tar"),
    "a broken gzip": (gzip.compress(GOOD, mtime=0)[:-30], "gzip (is broken|ends in the middle)"),
    "a bomb of gzip": (BOMB, "more than 200 times"),
    "xz": (b"\xfd7zXZ\0" + bytes(600), "packed with xz"),
}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layout(layer, *, diff=None, config=None, change=None):
    """An OCI layout as {name: bytes} with one layer; `change` may spoil the dictionary."""
    raw = layer
    if layer[:2] == b"\x1f\x8b" and diff is None:
        diff = "sha256:" + "0" * 64
    kind = "+gzip" if layer[:2] == b"\x1f\x8b" else ""
    document = {"architecture": MACHINE, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff or digest(raw)]}}
    config = config or json.dumps(document).encode()
    files = {digest(data): data for data in (layer, config)}
    describe = lambda data, kind: {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest(data), "size": len(data)}  # noqa: E731
    layers = [describe(layer, f"layer.v1.tar{kind}")]
    manifest = json.dumps({"schemaVersion": 2, "config": describe(config, "config.v1+json"), "layers": layers}).encode()
    files[digest(manifest)] = manifest
    row = {**describe(manifest, "manifest.v1+json"), "annotations": {"org.opencontainers.image.ref.name": "evil:latest"}}
    found = {f"blobs/sha256/{name[7:]}": data for name, data in files.items()}
    found["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    found["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [row]}).encode()
    if change:
        change(found, digest(layer)[7:])
    return found


def archive(files, *more):
    """A tar of a dictionary of files, and of further members."""
    return tar_of(*(({"name": name}, data) for name, data in files.items()), *more)


def saved(*more, layers=("l/layer.tar",), config="c.json", document=None):
    """A `docker save` archive with these layer names; `more` are members that may be hostile."""
    document = document or {"architecture": MACHINE, "os": "linux", "rootfs": {"diff_ids": [digest(GOOD)] * len(layers)}}
    row = {"Config": config, "RepoTags": ["evil:latest"], "Layers": list(layers)}
    files = {"manifest.json": json.dumps([row]).encode(), "c.json": json.dumps(document).encode()}
    return archive(files, *more)


def flipped(files, name):
    data = bytearray(files[f"blobs/sha256/{name}"])
    data[600] ^= 1
    files[f"blobs/sha256/{name}"] = bytes(data)


def old(documents):
    """Docker's first form: {id: json document}, and the topmost is `top`."""
    files = {"repositories": b'{"evil": {"latest": "top"}}'}
    for name, document in documents.items():
        files |= {f"{name}/json": json.dumps(document).encode(), f"{name}/layer.tar": GOOD}
    return archive(files)


DEEP = b'{"architecture":"x","os":"linux","rootfs":' + b"[" * 100_000
ARCHIVES = {
    "a digest that is not the layer's": (archive(layout(GOOD, change=flipped)), "holds other bytes"),
    "a diffID that is not the layer's": (archive(layout(GOOD, diff=digest(b""))), "as the configuration says"),
    "a blob that is missing": (
        archive(layout(GOOD, change=lambda files, name: files.pop(f"blobs/sha256/{name}"))),
        "cannot be read from the archive: No such file",
    ),
    "a digest that is a path": (
        archive({"oci-layout": b"{}", "index.json": b'{"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}'}),
        "64 hexadecimal digits",
    ),
    "a blob that is a link": (
        archive(
            layout(GOOD, change=lambda files, name: files.pop(f"blobs/sha256/{name}")),
            ({"name": f"blobs/sha256/{digest(GOOD)[7:]}", "type": SYM, "linkname": "/etc/shadow"}, b""),
        ),
        "cannot be read from the archive: Too many levels of symbolic links",
    ),
    "a layer's name with dots": (saved(layers=["../../../../etc/shadow"]), "leads out of its directory"),
    "an absolute layer's name": (saved(layers=["/etc/shadow"]), "layer '/etc/shadow' cannot be read"),
    "a configuration's name with dots": (saved(config="../../etc/shadow"), "leads out of its directory"),
    "a layer that is a link outside": (
        saved(({"name": "l/layer.tar", "type": SYM, "linkname": "../../../../etc/shadow"}, b"")),
        "which is not in the archive",
    ),
    "a layer that is an absolute link": (
        saved(({"name": "l/layer.tar", "type": SYM, "linkname": "/etc/shadow"}, b"")),
        "which is not in the archive",
    ),
    "layers that link to each other": (
        saved(
            ({"name": "l/layer.tar", "type": SYM, "linkname": "b"}, b""),
            ({"name": "l/b", "type": SYM, "linkname": "layer.tar"}, b""),
        ),
        "which is not in the archive",
    ),
    "a layer that is a fifo": (saved(({"name": "l/layer.tar", "type": tarfile.FIFOTYPE}, b"")), "not a regular file"),
    "a layer that is a directory": (saved(({"name": "l/layer.tar", "type": DIR}, b"")), "not a regular file"),
    "a configuration nested without end": (archive(layout(GOOD, config=DEEP)), "is not JSON|nested deeper"),
    "a configuration with a huge number": (
        archive(layout(GOOD, config=b'{"architecture":' + b"9" * 5000 + b"}")),
        "is not JSON|config",
    ),
    "a configuration with wrong types": (
        saved(
            document={"architecture": MACHINE, "os": "linux", "config": {"Env": {"a": 1}}, "rootfs": {"diff_ids": [digest(GOOD)]}}
        ),
        r"config\.config\.Env: is not a list",
    ),
    "a configuration with NUL in a command": (
        saved(
            document={"architecture": MACHINE, "os": "linux", "config": {"Cmd": ["a\0b"]}, "rootfs": {"diff_ids": [digest(GOOD)]}}
        ),
        r"config\.config\.Cmd\[0\]",
    ),
    "another machine's image": (
        archive(
            layout(
                GOOD, config=json.dumps({"architecture": "s390x", "os": "linux", "rootfs": {"diff_ids": [digest(GOOD)]}}).encode()
            )
        ),
        "it is for 's390x'",
    ),
    "more layers than diffIDs": (
        saved(({"name": "l/layer.tar"}, GOOD), document={"architecture": MACHINE, "os": "linux", "rootfs": {}}),
        "not as many",
    ),
    "parents in a circle": (old({"top": {"parent": "below"}, "below": {"parent": "top"}}), "without an end"),
    "a parent that is a path": (old({"top": {"parent": "../../../etc"}}), "leads out of its directory"),
    "a name that is none": (
        archive(
            layout(
                GOOD,
                change=lambda files, name: files.update({"index.json": files["index.json"].replace(b"evil:latest", b"../../x")}),
            )
        ),
        "is not a name",
    ),
    "nothing": (archive({"readme": b""}), "holds no image"),
    "an empty file": (b"", "whole tar"),
    "the outer archive cut": (archive(layout(GOOD))[:4000], "whole tar|ends after|cannot be read"),
    "dots in the outer archive": (archive(layout(GOOD), ({"name": "../../canary"}, b"x")), r"'\.\.' in a name"),
    "the outer archive a bomb": (BOMB, "more than 200 times"),
}


def absent(*names):
    return lambda tree: not any(os.path.lexists(tree / name) for name in names)


CONTAINED = {
    "an absolute name": (
        tar_of(({"name": "/etc/canary"}, b"x")),
        lambda tree: (tree / "etc/canary").read_bytes() == b"x",
    ),
    "device nodes": (
        tar_of(
            ({"name": "disk", "type": tarfile.BLKTYPE, "devmajor": 254}, b""),
            ({"name": "mem", "type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 1}, b""),
            ({"name": "whiteout", "type": tarfile.CHRTYPE}, b""),
        ),
        absent("disk", "mem", "whiteout"),
    ),
    "a fifo": (
        tar_of(({"name": "pipe", "type": tarfile.FIFOTYPE}, b"")),
        lambda tree: stat.S_ISFIFO((tree / "pipe").lstat().st_mode),
    ),
    "setuid root": (
        tar_of(({"name": "sh", "mode": 0o6755}, b"x")),
        lambda tree: (tree / "sh").lstat().st_mode & 0o7777 == 0o6755 and tree.parent.stat().st_mode & 0o777 == 0o700,
    ),
    "marks of overlayfs": (
        tar_of(
            ({"name": "d", "type": DIR, "pax": {"SCHILY.xattr.trusted.overlay.redirect": "/etc"}}, b""),
            ({"name": "e", "type": DIR, "pax": {"SCHILY.xattr.user.overlay.opaque": "y"}}, b""),
        ),
        lambda tree: [] == os.listxattr(tree / "d") + os.listxattr(tree / "e"),
    ),
    "the same name twice": (
        tar_of(({"name": "x", "type": SYM, "linkname": "/etc/passwd"}, b""), ({"name": "x"}, b"second")),
        lambda tree: (tree / "x").read_bytes() == b"second" and not (tree / "x").is_symlink(),
    ),
    "a link replaced by a directory": (
        tar_of(
            ({"name": "d", "type": SYM, "linkname": "/"}, b""),
            ({"name": "d", "type": DIR, "mode": 0o755}, b""),
            ({"name": "d/x"}, b"x"),
        ),
        lambda tree: (tree / "d/x").read_bytes() == b"x" and not (tree / "d").is_symlink(),
    ),
    "links to everywhere": (
        tar_of(({"name": "etc", "type": SYM, "linkname": "../../../../etc"}, b"")),
        lambda tree: (tree / "etc").is_symlink(),
    ),
    "names that are not UTF-8": (
        tar_of(({"name": "\udcff\udcfe\n\x1b[2J"}, b"x"), form=tarfile.GNU_FORMAT),
        lambda tree: [b"\xff\xfe\n\x1b[2J"] == os.listdir(os.fsencode(tree)),
    ),
    "the root made open to all": (
        tar_of(({"name": "./", "type": DIR, "mode": 0o777, "uid": 1000}, b""), ({"name": "x"}, b"")),
        lambda tree: (tree.stat().st_mode & 0o777, tree.stat().st_uid) == (0o755, 0),
    ),
}
