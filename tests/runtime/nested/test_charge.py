"""What nested containers use is the sandbox's, and goes when it goes."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests import needs
from tests.runtime.nested.conftest import MEBIBYTE, REQUEST, Docker
from tests.runtime.node import wait_until

pytestmark = needs.nested_stores
FAT = "docker run -d --name fat alpine sh -c 'x=$(head -c 60000000 /dev/zero | tr \"\\0\" x); sleep 1000'"


def below(groups: list[Path]) -> set[int]:
    """The processes in these control groups and in all below them."""
    files = [file for group in groups for file in group.rglob("cgroup.procs")]
    return {int(pid) for file in files for pid in file.read_text().split()}


def test_memory_of_a_nested_container_is_the_sandboxes(docker):
    """60 MB more inside a container are 60 MB more of the sandbox, in its control groups on the host."""
    before = docker.memory()
    docker.sh(FAT)

    wait_until(lambda: docker.memory() > before + 55 * MEBIBYTE, 20)

    pid = int(docker.sh("docker inspect -f '{{.State.Pid}}' fat"))
    inside = {int(Path(f"/proc/{one}/status").read_text().partition("NSpid:")[2].split()[1]) for one in below(docker.groups)}
    assert pid in inside
    docker.sh("docker rm -f -t 0 fat")


def test_a_nested_container_is_bound_by_the_sandboxes_limit(docker):
    """A container may ask for more memory than the sandbox has, and does not get it."""
    script = "docker run --rm -m 4g alpine tail /dev/zero"

    docker.sh(script, status=137)


def test_the_disk_limit_holds_for_images_and_volumes(docker):
    """Container tools write beside the root overlay, and to the same bounded disk."""
    fill = "docker run --rm -v big:/d alpine sh -c 'dd if=/dev/zero of=/d/big bs=1M count=600 2>&1; rm /d/big'"

    assert "No space left on device" in docker.sh(fill)


def test_the_images_everyone_finds_cost_nobody_anything(docker):
    """They lie in the image's layer: read-only, none of the sandbox's disk."""
    assert "true" in docker.sh("docker images --format '{{.Repository}} {{.ReadOnly}}' | grep alpine")
    assert int(docker.sh("du -sm /usr/lib/containers | cut -f1")) > int(docker.sh("df -m --output=used / | tail -1"))


def test_nothing_is_left(node):
    """Deleting the sandbox with containers, networks and mounts inside leaves nothing on the host."""
    identifier = f"t-{secrets.token_hex(4)}"
    node.spawner.create(id=identifier, **REQUEST)
    docker = Docker(node, identifier)
    docker.sh("docker network create n1 && docker run -d --network n1 -p 8080:80 -v data:/d alpine sleep 1000")
    docker.sh("lxc-create -n c1 -t busybox >/dev/null && lxc-start -n c1")
    processes = below(docker.groups)

    node.spawner.delete(identifier)

    assert len(processes) > 5
    assert [] == [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    assert [] == node.traces(identifier)
    assert [] == [group for group in docker.groups if group.exists()]
