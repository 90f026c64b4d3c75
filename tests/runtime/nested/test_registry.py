"""The registry answers by its name in the whole lab, and what is stored is charged to the lab."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.runtime.nested.conftest import REQUEST, Docker
from tests.runtime.node import Node


@pytest.fixture(scope="module")
def pair(node: Node) -> Iterator[list[Docker]]:
    """Two sandboxes of one lab; the second knows the first as registry.lab."""
    lab = f"t-{secrets.token_hex(4)}"
    machines = [Docker(node, f"{lab}-{number}") for number in range(2)]
    for number, machine in enumerate(machines):
        hosts = {"registry.lab": "10.88.0.10"} if number else {}
        node.spawner.create(id=machine.id, net="lab", lab=lab, lab_index=number, hosts=hosts, **REQUEST)
    yield machines
    for machine in machines:
        node.spawner.delete(machine.id)


def test_an_image_travels_between_machines(pair):
    """What one machine pushes, the other pulls, both by the same name."""
    first, second = pair
    second.sh("docker tag hello-world registry.lab:5000/ours && docker push -q registry.lab:5000/ours")

    assert "Hello from a container!" in first.sh("docker run --rm --pull always -q registry.lab:5000/ours")
    assert "docker-registry" in first.sh("ps -eo comm=")
    assert "docker-registry" not in second.sh("ps -eo comm=")


def test_a_nested_network_leaves_the_labs_alone(pair):
    """Containers have addresses of their own, and reach the lab's machines through their host."""
    first, second = pair
    first.sh("docker run -d --name web -p 8080:80 httpd")

    assert "It works!" in second.sh("docker run --rm alpine wget -qO- http://10.88.0.10:8080/")


def test_there_is_no_way_out(pair):
    """A name that the lab's registry does not have is refused at once, and not looked for elsewhere."""
    said = pair[0].sh("docker pull nothing-of-that-name", status=125)

    assert "registry.lab:5000" in said
    assert "manifest unknown" in said
