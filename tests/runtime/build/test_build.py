"""Building from a Containerfile: real sandboxes, real layers, and a cache that is right."""

import io
import os
import re
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from runtime.image.layer import write_layer
from runtime.image.load import load
from runtime.image.merged import Merged
from runtime.image.save import save
from runtime.image.store import CACHE, Store
from runtime.image.verify import verify
from tests import needs
from tests.needs import ROOT

pytestmark = [needs.root, needs.image]
APP = """
FROM base AS maker
WORKDIR /work
COPY src .
RUN cat one two > both

FROM base
ARG WHO=you
ENV GREETING="hello $WHO"
COPY --from=maker --chown=ann:staff /work/both /home/ann/
RUN echo $GREETING > /said
USER ann
WORKDIR /home/ann
CMD cat both
LABEL a=1 b="2 3"
EXPOSE 80
"""


@pytest.fixture
def sources(context):
    (context / "src").mkdir()
    (context / "src/one").write_text("1")
    (context / "src/two").write_text("2")
    return context / "src"


def tree(store, name):
    return Merged(store.lookup(name).layers)


def steps(said):
    """{number of a step: cached?}"""
    rows = re.split(r"^\[(\d+)/\d+\]", said, flags=re.MULTILINE)[1:]
    return {int(number): "\n        cached" in text for number, text in zip(rows[::2], rows[1::2], strict=True)}


def test_stages_layers_and_configuration(build, store, sources):
    """Each instruction does what docker's does."""
    status, said, _ = build(APP, "-t", "app")
    image = store.lookup("app")
    found = tree(store, "app")

    assert 0 == status, said
    assert b"12" == found.read("home/ann/both", 100) and b"hello you\n" == found.read("said", 100)
    assert (1000, 50) == (found.find("home/ann/both")[1].st_uid, found.find("home/ann/both")[1].st_gid)
    config = image.config["config"]
    assert ["A=1", "GREETING=hello you"] == config["Env"] and ["/bin/sh", "-c", "cat both"] == config["Cmd"]
    assert ("ann", "/home/ann", {"a": "1", "b": "2 3"}) == (config["User"], config["WorkingDir"], config["Labels"])
    assert {"80/tcp": {}} == config["ExposedPorts"]
    assert 3 == len(image.layers) == len([step for step in image.parsed.history if not step.empty_layer])
    assert [] == list(verify(store, image))


def test_a_second_build_is_cached_and_equal(build, sources):
    """Nothing is done twice, though every file is newer; without the cache the digest is the same."""
    first = build(APP, "-t", "twice")
    for path in sources.iterdir():
        os.utime(path, (2_000_000_000, 2_000_000_000))
    second = build(APP, "-t", "twice")
    anew = build(APP, "-t", "twice", "--no-cache")

    assert first[2] == second[2] == anew[2] != ""
    assert all(cached for number, cached in steps(second[1]).items() if number not in (1, 5, 6)), second[1]
    assert not any(steps(anew[1]).values())


def test_a_changed_file_changes_only_what_comes_after(build, store, context):
    """The layers before the COPY stay; a mode is a change, a time is none."""
    text = "FROM base\nRUN echo first > /first\nCOPY file /file\nRUN cat /file > /copy\n"
    (context / "file").write_text("a")
    build(text, "-t", "change")
    before = store.lookup("change")

    (context / "file").chmod(0o755)
    _, said, _ = build(text, "-t", "change")
    after = store.lookup("change")

    assert [True, False, False] == [steps(said)[number] for number in (2, 3, 4)]
    assert before.layers[:2] == after.layers[:2] and not set(before.layers[2:]) & set(after.layers[2:])


def test_an_argument_counts_where_it_is_known(build):
    """Another --build-arg makes the RUNs after its ARG anew, and not those before."""
    text = "FROM base\nRUN echo 1 > /a\nARG WHO\nRUN echo $WHO > /b\n"
    build(text, "--build-arg", "WHO=x")
    _, said, _ = build(text, "--build-arg", "WHO=y")
    _, slip, _ = build(text, "--build-arg", "WHOM=y")

    assert [True, False] == [steps(said)[number] for number in (2, 4)]
    assert "note: --build-arg WHOM" in slip


def test_only_needed_stages_are_built(build):
    """A stage that nothing leads to is not even looked at; --target ends earlier."""
    text = "FROM base AS one\nRUN echo 1\nFROM nowhere AS two\nRUN false\nFROM one\nRUN echo 3\n"

    assert 0 == build(text)[0]
    assert [1, 2] == list(steps(build(text, "--target", "one")[1]))


def test_a_layer_holds_what_the_command_changed(build, store):
    """No /etc/hosts of the sandbox, no mount points, no file that is later than the base image."""
    build("FROM base\nRUN echo x > /made && rm -r /home/ann && chmod 700 /tmp\nRUN true", "-t", "layer")
    image = store.lookup("layer")
    names = sorted(path.relative_to(image.layers[1]).as_posix() for path in image.layers[1].rglob("*"))

    assert ["home", "home/ann", "made", "tmp"] == names
    assert 2 == len(image.layers), "a RUN that changes nothing makes no layer"
    assert 1767323045 == int((image.layers[1] / "made").stat().st_mtime)


def test_the_command_is_fenced(build):
    """RUN has no network, no host and the limits that were given."""
    text = (
        "FROM base\nRUN ls /sys/class/net && env && ls /dev/sda /var/lib/vitrine; "
        "dd if=/dev/zero of=/big bs=1M count=40 && echo fits"
    )
    status, said, _ = build(text, "--disk", "16")

    assert 1 == status and "\nfits" not in said
    assert "Containerfile:2: RUN: " in said and "ended with status 1: its disk was full (--disk)" in said
    assert "\nlo\n" in said and "eth0" not in said and "VITRINE_STATE" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RUN x", "Containerfile:1: RUN: before it a FROM"),
        ("FROM nowhere", "Containerfile:1: FROM: there is no image 'nowhere' here; `image list`"),
        ("FROM base\nRUN exit 3", "Containerfile:2: RUN: 'exit 3' ended with status 3"),
        ('FROM base\nRUN ["/no/such"]', "ended with status 127: exec: No such file"),
        ("FROM base\nCOPY missing /", "Containerfile:2: COPY: there is no missing in the context"),
        ("FROM base\nCOPY ../secret /", "is outside of the context"),
        ("FROM base\nADD https://x.test/a /", "a build has no network; fetch it beforehand"),
        ("FROM base\nUSER nobody2\nRUN id", "'nobody2' is no user of the image"),
        ("FROM base\nCOPY a b /x", "several files go into a directory: write /x/"),
        ("FROM base\nCOPY a /etc/passwd/x", "/etc/passwd is no directory in the image"),
        ("FROM base\nVOLUME /proc", "is the runtime's own"),
        ("FROM scratch\nRUN x", "there is nothing to run in an empty image"),
        ("FROM base\nENV x", "write NAME=value"),
        ("FROM base\nCOPY \"a /x", 'a " without its second'),
    ],
)  # fmt: skip
def test_mistakes_name_file_line_and_way_out(build, context, text, said):
    """And leave nothing: the fixture looks."""
    for name in ("a", "b"):
        (context / name).write_text(name)

    status, words, digest = build(text)

    assert (1, "") == (status, digest) and said in words, words


def test_links_lead_nowhere_but_inside(build, store, context):
    """A link in the context is resolved with the context as root, one in the image with the image."""
    (context / "out").symlink_to("/etc")
    (context / "etc").mkdir()
    (context / "etc/passwd").write_text("the context's own")
    (context / "up").symlink_to("../../../../etc/passwd")
    (context / "dir").mkdir()
    (context / "dir/kept").symlink_to("/etc/shadow")
    text = "FROM base\nCOPY out/passwd /one\nCOPY up /two\nCOPY dir /bin/dir\nRUN ln -s /etc /link\nCOPY up /link/three\n"
    status, said, _ = build(text, "-t", "links")
    found = tree(store, "links")

    assert 0 == status, said
    assert [b"the context's own"] * 3 == [found.read(name, 99) for name in ("one", "two", "etc/three")]
    assert "/etc/shadow" == os.readlink(store.lookup("links").layers[3] / "usr/bin/dir/kept")


def test_globs_ignores_modes_and_texts(build, store, context):
    """What is left out is as if it were not there; --chmod and a text of the file's own."""
    for name in ("a.txt", "b.txt", "c.log", "deep/d.txt", "deep/e.log"):
        (context / name).parent.mkdir(exist_ok=True)
        (context / name).write_text(name)
    (context / ".dockerignore").write_text("b.*\n**/*.log\n")
    text = "FROM base\nCOPY *.txt deep /in/\nCOPY --chmod=700 <<E <<'F' /in/\n$A\nE\n$A\nF\nRUN <<S\nid > /in/id\nS\n"
    status, said, _ = build(text, "-t", "globs")
    found = tree(store, "globs")

    assert 0 == status, said
    assert ["E", "F", "a.txt", "d.txt", "id"] == found.names("in")
    assert (b"1\n", b"$A\n") == (found.read("in/E", 9), found.read("in/F", 9))
    assert 0o700 == found.find("in/E")[1].st_mode & 0o7777
    assert 1 == build("FROM base\nCOPY c.log /")[0]


def archive(path, *names, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.uid, info.size = 7, 4
            tar.addfile(info, io.BytesIO(b"text"))


def test_add_unpacks_archives_in_a_jail(build, store, context):
    """Owners are the archive's; an archive that reaches out is refused, COPY takes it as it is."""
    archive(context / "good.tgz", "d/f")
    archive(context / "evil.tar", "../../../evil", mode="w")
    status, said, _ = build("FROM base\nADD good.tgz /x/\nADD .dockerfile* good.tgz /y/\nCOPY evil.tar /z", "-t", "add")
    assert 1 == status and "there is no .dockerfile*" in said
    status, said, _ = build("FROM base\nADD good.tgz /x/\nCOPY evil.tar /z", "-t", "add")
    found = tree(store, "add")

    assert 0 == status, said
    assert b"text" == found.read("x/d/f", 9) and 7 == found.find("x/d/f")[1].st_uid and found.find("z")
    status, said, _ = build("FROM base\nADD evil.tar /")
    assert 1 == status and "leads out of" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing(command, context, number, run_directory):
    """Ctrl-C in the middle of a RUN: the sandbox, its control groups and its directory are gone. What
    nobody can clean up after, SIGKILL, the next build does."""
    (context / "Containerfile").write_text("FROM base\nRUN echo here; sleep 1000")
    argv, env = command("--no-cache")
    process = subprocess.Popen(argv, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while "here" not in (line := process.stderr.readline()) or "RUN" in line:
        assert line, "the command never ran"

    process.send_signal(number)
    rest = process.communicate(timeout=20)[1]
    status = process.returncode
    if number == signal.SIGKILL:
        (context / "Containerfile").write_text("FROM base")
        argv, env = command()
        assert 0 == subprocess.run(argv, env=env, cwd=ROOT, capture_output=True).returncode
    else:
        assert 130 == status and "interrupted; nothing is left" in rest
    wait_gone(str(run_directory))


def wait_gone(run):
    """No control group of this run directory is left."""
    name = "vitrine" + run.replace(".", "..").replace("/", ".")
    deadline = time.monotonic() + 10
    while found := [*Path("/sys/fs/cgroup").glob(f"**/{name}*")]:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_directory_is_told_from_a_recipe(build, context):
    """A bare word that is a recipe is one; with a slash, -t or -f it is a directory."""
    status, said, _ = build("FROM base\n", "-t", "linux2")

    assert 0 == status and "[1/1] FROM base" in said


@needs.program("podman")
@needs.program("skopeo")
def test_podman_takes_what_we_built_and_back(build, store, sources, tmp_path):
    """skopeo sees the same digests; podman runs what the image holds; what it saves is the image we built."""
    _, _, digest = build(APP, "-t", "round:v1")
    image = store.lookup("round:v1")
    save(store, image, str(tmp_path / "ours.tar"))
    private = 'mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs /run && exec "$@"'
    podman = ["unshare", "--mount", "sh", "-c", private, "sh", "podman", "--root", tmp_path / "root", "--runroot", "/run/p",
              "--storage-driver", "vfs"]  # fmt: skip

    seen = subprocess.run(["skopeo", "inspect", f"oci-archive:{tmp_path}/ours.tar"], capture_output=True, text=True, check=True)
    subprocess.run([*podman, "load", "-i", tmp_path / "ours.tar"], check=True, capture_output=True)
    back = [*podman, "save", "--format", "oci-archive", "-o", tmp_path / "theirs.tar", "round:v1"]
    subprocess.run(back, check=True, capture_output=True)
    (found,) = load(Store(tmp_path / "images"), str(tmp_path / "theirs.tar"))

    assert digest in seen.stdout
    assert image.manifest.config.digest == found.manifest.config.digest
    assert [write_layer(layer, None).diff_id for layer in image.layers] == [
        write_layer(layer, None).diff_id for layer in found.layers
    ]


def test_steps_are_kept_out_of_sight(build, store):
    """The cache is images under names that `list` leaves out; `gc --cache` forgets them."""
    build("FROM base\nRUN echo sight > /x", "-t", "sight")

    assert any(image.name.startswith(CACHE) for image in store.list())
