"""A store with a small image, a context to fill, and the builder as people call it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from runtime.image.store import MACHINE, Store
from runtime.oci.image_config import History, ImageConfig
from tests.needs import ROOT, linux_image

STEP = History("2026-01-02T03:04:05Z", "a test")


APPLETS = "sh cat ls id chmod chown ln rm mkdir touch sleep echo env sync dd tail test true stat mv".split()


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    """A state directory with one image, `base`: busybox, two users, and /bin a link to /usr/bin."""
    directory = tmp_path_factory.mktemp("state")
    store = Store(directory / "images")
    with store.scratch() as scratch:
        tree = scratch / "rootfs"
        for name in ("usr/bin", "etc", "tmp", "home/ann"):
            (tree / name).mkdir(parents=True)
        (tree / "bin").symlink_to("usr/bin")
        shutil.copy(linux_image().layers[0] / "usr/bin/busybox", tree / "usr/bin/busybox")
        for applet in APPLETS:
            (tree / "usr/bin" / applet).symlink_to("busybox")
        (tree / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
        (tree / "etc/group").write_text("root:x:0:\nann:x:1000:\nstaff:x:50:ann\n")
        os.chown(tree / "home/ann", 1000, 1000)
        store.add_directory("base", tree, ImageConfig(MACHINE, config={"Env": ["A=1"], "Cmd": ["/bin/sh"]}), STEP)
    return directory


@pytest.fixture
def store(state):
    return Store(state / "images")


@pytest.fixture
def context(tmp_path):
    """A directory to build from: write(name=text)."""
    place = tmp_path / "context"
    place.mkdir()
    return place


@pytest.fixture
def run_directory(tmp_path_factory):
    """Where sandboxes of a build live; nothing may stay there."""
    place = tmp_path_factory.mktemp("r")
    yield place
    left = [path for path in place.rglob("*") if path.name not in ("ranges",)]
    assert [] == left


@pytest.fixture
def command(state, run_directory, context):
    """The command line and environment of `image build`."""

    def words(*options, **environment):
        env = {**os.environ, "VITRINE_STATE": str(state), "VITRINE_RUN": str(run_directory), **environment}
        return [sys.executable, "-m", "runtime", "image", "build", *options, str(context)], env

    return words


@pytest.fixture
def build(command, context):
    """Write a Containerfile and build it: (exit status, what was said, digest or '')."""

    def act(text, *options, **environment):
        (context / "Containerfile").write_text(text)
        argv, env = command("--json", *options, **environment)
        done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True)
        digest = json.loads(done.stdout)[0]["digest"] if done.stdout else ""
        return done.returncode, done.stderr, digest

    return act
