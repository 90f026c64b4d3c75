"""What the maintainer scripts would have done: some accounts, some links, some modes.

Packages are unpacked but never run here, so the twenty effects the lessons need are written
down in the image's own recipe (`image.json`), where a learner can read them.

See passwd(5), shadow(5), pam.d(5), capabilities(7) for the extended attribute, ldconfig(8).
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

from runtime.linux.capabilities import NUMBERS

PAM_PARTS = ("auth", "account", "password", "session", "session-noninteractive")
# struct vfs_cap_data, revision 2 with the effective bit: see linux/capability.h.
_VFS_CAP_REVISION_2_EFFECTIVE = 0x02000001


def configure(root: Path, recipe: dict[str, Any], skeleton: Path) -> None:
    """Make the unpacked tree usable; `skeleton` is copied over it."""
    _directories(root, recipe["directories"])
    _accounts(root)
    _copy_defaults(root)
    _skeleton(root, skeleton)
    groups = _groups(root, recipe["groups"])
    for user in recipe["users"]:
        _user(root, user)
    _shadow(root)
    _pam(root)
    _links(root, recipe["links"])
    _owners(root, recipe["owned"], groups)
    _capabilities(root, recipe["capabilities"])
    _linker_cache(root)


def _directories(root: Path, directories: dict[str, str]) -> None:
    for name, mode in directories.items():
        path = root / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(int(mode, 8))


def _accounts(root: Path) -> None:
    """base-passwd's masters become /etc/passwd and /etc/group; `x` points to the shadow file."""
    for name in ("passwd", "group"):
        text = (root / f"usr/share/base-passwd/{name}.master").read_text()
        (root / f"etc/{name}").write_text(text.replace(":*:", ":x:"))


def _copy_defaults(root: Path) -> None:
    for source, target in (("profile", "etc/profile"), ("nsswitch.conf", "etc/nsswitch.conf")):
        path = root / "usr/share/base-files" / source
        if path.exists() and not (root / target).exists():
            shutil.copy(path, root / target)


def _skeleton(root: Path, skeleton: Path) -> None:
    """The recipe's own files, owned by root whatever the checkout's owner is."""
    for source in sorted(skeleton.rglob("*")):
        target = root / source.relative_to(skeleton)
        if source.is_dir():
            target.mkdir(exist_ok=True)
            continue
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o644)


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


def _groups(root: Path, groups: dict[str, int]) -> dict[str, int]:
    """Add the recipe's groups and return every group's number by name."""
    for name, number in groups.items():
        _append(root / "etc/group", f"{name}:x:{number}:")
    lines = (root / "etc/group").read_text().splitlines()
    return {fields[0]: int(fields[2]) for fields in (line.split(":") for line in lines)}


def _user(root: Path, user: dict[str, Any]) -> None:
    """A line in passwd(5), and a home with what is in /etc/skel."""
    name, uid, gid, home = user["name"], user["uid"], user["gid"], user["home"]
    _append(root / "etc/passwd", f"{name}:x:{uid}:{gid}:{name}:{home}:{user['shell']}")
    place = root / home.lstrip("/")
    place.mkdir(parents=True, mode=0o755)
    os.chown(place, uid, gid)
    for source in (root / "etc/skel").iterdir():
        shutil.copyfile(source, place / source.name)
        os.chown(place / source.name, uid, gid)


def _shadow(root: Path) -> None:
    """No account has a password: `*` matches none. A sandbox is entered by exec, not by login."""
    for name, tail in (("passwd", "*:19700:0:99999:7:::"), ("group", "*::")):
        lines = (root / "etc" / name).read_text().splitlines()
        names = [line.split(":", 1)[0] for line in lines]
        shadow = "shadow" if name == "passwd" else "gshadow"
        (root / "etc" / shadow).write_text("".join(f"{entry}:{tail}\n" for entry in names))


def _pam(root: Path) -> None:
    """debconf writes these files on a real system; here whoever is inside is root already."""
    for part in PAM_PARTS:
        kind = part.split("-")[0]
        (root / f"etc/pam.d/common-{part}").write_text(f"{kind} required pam_permit.so\n")


def _links(root: Path, links: dict[str, str]) -> None:
    """update-alternatives' choices. A link whose program is not in the image is left out."""
    for name, target in links.items():
        path = root / name
        there = target.startswith(("/", "..")) or (path.parent / target).exists()
        if there and not (path.exists() and not path.is_symlink()):
            path.unlink(missing_ok=True)
            path.symlink_to(target)


def _owners(root: Path, owned: dict[str, list[str]], groups: dict[str, int]) -> None:
    for name, (uid, group, mode) in owned.items():
        path = root / name
        if path.exists():
            os.chown(path, int(uid), groups[group] if group in groups else int(group))
            path.chmod(int(mode, 8))


def _capabilities(root: Path, capabilities: dict[str, list[str]]) -> None:
    """setcap(8): a file capability is an extended attribute of twenty bytes."""
    for name, names in capabilities.items():
        mask = sum(1 << NUMBERS[capability] for capability in names)
        value = struct.pack("<5I", _VFS_CAP_REVISION_2_EFFECTIVE, mask, 0, 0, 0)
        os.setxattr(root / name, "security.capability", value)


def _linker_cache(root: Path) -> None:
    """Tell the dynamic linker where libraries are; the second cache holds inode numbers of this build only."""
    subprocess.run(["ldconfig", "-r", root], check=True, capture_output=True)
    (root / "var/cache/ldconfig/aux-cache").unlink(missing_ok=True)
