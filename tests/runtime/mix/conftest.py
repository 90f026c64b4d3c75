"""A node and one ordinary sandbox on it, in which mixes are made as the site makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.mix import parcel
from runtime.mix.recipe import Mix
from runtime.shim import watching
from runtime.shim.client import ShimClient
from tests.runtime.node import node  # noqa: F401  (a fixture)

LOOKS = 5


class Mixer:
    """Makes a mix in a sandbox, and looks from the host."""

    def __init__(self, box: ShimClient) -> None:
        self.box = box
        box.put(parcel.PLACE, parcel.pack())

    def make(self, letter: str = "a", **recipe: Any) -> dict[str, Any]:
        """What the mixer says of the making."""
        mix = Mix.from_dict({"letter": letter, **recipe})
        result = self.box.exec(parcel.COMMAND, stdin=json.dumps(mix.to_dict()).encode())
        assert result.code == 0, result.stderr
        said: dict[str, Any] = json.loads(result.stdout)
        return said

    def look(self, letter: str = "a") -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """A whole observation, the sandbox's first process and the mixed one. A slow machine may need several looks."""
        for _ in range(LOOKS):
            seen = watching.look(self.box).to_dict()
            if not seen["truncated"].keys() & {"processes", "cgroups", "namespaces"}:
                break
        first = seen["processes"][seen["machine"]["self"]["init"]]
        mixed = [each for each in seen["processes"].values() if each["args"] == [f"mix-{letter}", "infinity"]]
        assert len(mixed) == 1
        return seen, first, mixed[0]


@pytest.fixture
def mixer(node) -> Any:  # noqa: F811
    """A mixer in a fresh sandbox."""
    with node.sandbox() as identifier:
        yield Mixer(node.shim(identifier))
