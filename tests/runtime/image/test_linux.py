"""The linux image holds what the lessons use, and is set up as a system would be."""

import os

import pytest

from runtime.errors import NotFoundError
from runtime.image.build import RECIPES, is_current, read_list, recipe_digest
from runtime.image.sources import distribution
from runtime.image.store import Store
from runtime.paths import Paths

PROGRAMS = """
    bash awk sed ps top ip ss ping strace python3 nano vi vim less man sudo su getfacl crontab git file
    tree bc ssh dropbear nft iptables bwrap busybox unshare nsenter lsns capsh getcap lsof nc tcpdump column clear
""".split()


@pytest.fixture(scope="module")
def root():
    try:
        return Store(Paths.from_environment().images).lookup("linux").layers[0]
    except NotFoundError as error:
        pytest.skip(str(error))


def mode(path):
    return path.lstat().st_mode & 0o7777


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_is_there(root, program):
    """Each program a lesson types is in a directory of PATH, as a file or a link that leads to one."""
    places = [root / "usr/bin" / program, root / "usr/sbin" / program]

    assert any(place.exists() for place in places)


def test_sudo_can_work(root):
    """sudo is setuid root, and its rules are root's own and closed."""
    assert 0o4755 == mode(root / "usr/bin/sudo")
    assert 0o440 == mode(root / "etc/sudoers.d/student")
    assert 0 == (root / "etc/sudoers.d/student").stat().st_uid


def test_the_student_has_a_home(root):
    """uid 1000 is `student`, who owns her home."""
    assert "student:x:1000:1000:" in (root / "etc/passwd").read_text()
    assert 1000 == (root / "home/student").stat().st_uid


def test_no_password_opens_an_account(root):
    """Every account in shadow(5) is locked."""
    lines = (root / "etc/shadow").read_text().splitlines()

    assert {"*"} == {line.split(":")[1] for line in lines}


def test_the_manual_of_the_lessons_is_there(root):
    """The pages that lessons send a learner to can be read inside."""
    pages = {path.name.split(".")[0] for path in (root / "usr/share/man").glob("man*/*")}

    assert {"unshare", "nsenter", "namespaces", "cgroups", "capabilities", "ip"} <= pages


def test_links_lead_somewhere(root):
    """Commands that are links to an alternative lead to a program of the image."""
    for name in ("awk", "vi", "pager", "sh", "nc"):
        link = root / "usr/bin" / name
        assert link.is_symlink() and (link.parent / os.readlink(link)).exists(), name


def test_ping_has_its_capability(root):
    """Without file capabilities a plain user could not ping."""
    assert os.getxattr(root / "usr/bin/ping", "security.capability")


def test_the_image_is_of_this_recipe(root):
    """bootstrap builds anew when the recipe or its code changed, so the image is of what is checked out."""
    recipe = recipe_digest(RECIPES / "linux", distribution())

    assert is_current(Store(Paths.from_environment().images), "linux", recipe)


def test_the_recipe_names_each_package_once():
    """The list of packages has no double."""
    packages = read_list(RECIPES / "linux/packages")

    assert len(set(packages)) == len(packages)
