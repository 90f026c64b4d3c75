"""`image gc` takes along what was made for machines of images that are gone, and nothing that is stood on."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.image.store import Store
from runtime.paths import Paths
from runtime.vm import kernel, room, snapshots
from runtime.vm.collect import collect, wanted


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A state with a kernel, no images, a room with its disk and state, and what a killed maker left."""
    paths = Paths(tmp_path, tmp_path / "run")
    (tmp_path / "kernels/6.1").mkdir(parents=True)
    (tmp_path / "kernels/6.1/vmlinux").touch()
    for name in ("f" * 64, f"{room.DRAFT}x"):
        (paths.machines / name / "guest").mkdir(parents=True)
    (paths.machines / room.DISKS).mkdir()
    (paths.machines / room.DISKS / "d").touch()
    snapshots.place(paths).mkdir()
    (snapshots.place(paths) / f"{'f' * 16}-1").touch()
    return paths


def test_what_no_image_leads_to_goes(paths: Paths) -> None:
    """Room, disk, state, and what was half made; what was collected is said."""
    gone = collect(paths, Store(paths.images))

    assert [f"machines/{room.DRAFT}x", "machines/disks/d", f"machines/{'f' * 64}", f"machines/snapshots/{'f' * 16}-1"] == gone
    assert {".lock", "disks", "snapshots"} == {path.name for path in paths.machines.iterdir()}
    assert [] == collect(paths, Store(paths.images))


def test_without_machines_there_is_nothing(tmp_path: Path) -> None:
    """A host that never had one."""
    assert [] == collect(Paths(tmp_path, tmp_path), Store(tmp_path / "images"))


def test_what_an_image_leads_to_stays(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its room, by the name that the next machine would look for, its disk, and its states."""
    layers = [Path("one"), Path("two")]
    image = type("Image", (), {"layers": layers})
    store = Store(paths.images)
    monkeypatch.setattr(store, "list", lambda: [image])
    name = room.key(kernel.find(paths.state / "kernels"), layers)
    (paths.machines / name).mkdir()
    (paths.machines / room.DISKS / room.disk_name(layers)).touch()
    (snapshots.place(paths) / f"{name[: snapshots.PREFIX]}-1").touch()

    assert ({name}, {room.disk_name(layers)}) == wanted(paths, store)
    assert 4 == len(collect(paths, store))
    assert {".lock", "disks", "snapshots", name} == {path.name for path in paths.machines.iterdir()}
    assert [f"{name[: snapshots.PREFIX]}-1"] == [path.name for path in snapshots.place(paths).iterdir()]
