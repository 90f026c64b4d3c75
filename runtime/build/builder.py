"""The builder: the stages that the last one needs, step by step, and the cache.

The result of a step is an image, kept under a name that is a digest of all it depends on: the state
before it, the instruction as it reads with its variables, and for COPY the digest of the tar it makes,
in which the time of a file does not occur but its mode does. If that name is in the store, the step
is not done. So a change makes anew what comes after it, and nothing before.

Nothing in a layer is later than the base image (or SOURCE_DATE_EPOCH): the same input, the same digest.

See https://reproducible-builds.org/specs/source-date-epoch/, "FROM" in the reference of the Dockerfile format.
"""

from __future__ import annotations

import calendar
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runtime.build import containerfile, ignore, running, sourcing
from runtime.build.containerfile import BuildError, Instruction
from runtime.build.copying import Copy
from runtime.build.running import Bounds
from runtime.build.sections import Section, Sections
from runtime.build.stage import CONFIGURING, Stage, configured, environment, user
from runtime.errors import NotFoundError, VitrineError
from runtime.image.build import Say, rfc3339
from runtime.image.merged import Merged
from runtime.image.store import CACHE, MACHINE, Image, Layer, Store
from runtime.image.unpack import Limits
from runtime.oci.digest import Descriptor
from runtime.oci.image_config import History, ImageConfig
from runtime.oci.manifest import LAYER
from runtime.oci.spec import Process
from runtime.paths import Paths

VERSION = "vitrine build 1"
KEPT = 200  # characters of an instruction that are shown


@dataclass(frozen=True)
class Order:
    """What is wanted of a build."""

    context: Path
    file: Path | None = None
    name: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    cached: bool = True
    bounds: Bounds = field(default_factory=Bounds)


def build(store: Store, paths: Paths, order: Order, say: Say) -> Image:
    """Build and name an image, or raise an error that says which line failed and why; nothing is left then."""
    file = containerfile.read(containerfile.find(order.context, order.file))
    running.sweep(paths)
    own = running.own_paths(paths)
    try:
        return _Builder(store, own, order, say, file.escape).build(file.instructions)
    finally:
        running.clear(own)


class _Builder:
    def __init__(self, store: Store, own: Paths, order: Order, say: Say, escape: str) -> None:
        self.store, self.own, self.order, self.say, self.escape = store, own, order, say, escape
        self.context = Merged([order.context.resolve()])
        self.ignore = ignore.read(order.context.resolve())
        self.stages: dict[int, Stage] = {}
        self.newest = int(os.environ.get("SOURCE_DATE_EPOCH") or -1)
        self.done = self.total = 0

    def build(self, instructions: Sequence[Instruction]) -> Image:
        with self.store.scratch() as self.scratch:
            self.plan = Sections.divide(instructions, self.order.args, self.escape)
            last = self.plan.wanted(self.order.target)
            needed = self.plan.needed(last)
            self.total = sum(1 + len(self.plan.sections[number].steps) for number in needed)
            for number in needed:
                self._stage(self.plan.sections[number])
            self._warn()
            stage = self.stages[last]
            return self.store.commit(self.order.name, stage.image, stage.blobs)

    def _stage(self, section: Section) -> None:
        self._tell(section.first)
        stage = self.stages[section.number] = self._base(section)
        for step in section.steps:
            self._tell(step)
            if step.name == "ARG":
                stage.declare(step)
                continue
            start = time.monotonic()
            cached = self._step(section, stage, step)
            self.say(f"        {'cached' if cached else f'done in {time.monotonic() - start:.2f} s'}")

    def _tell(self, step: Instruction) -> None:
        self.done += 1
        self.say(f"[{self.done}/{self.total}] {str(step)[:KEPT]}")

    def _base(self, section: Section) -> Stage:
        """What FROM begins with: nothing, an earlier stage, or an image of the store."""
        if section.base == "scratch":
            return self._new(ImageConfig(MACHINE), (), f"scratch {MACHINE}")
        earlier = self.plan.find(section.base, section.number)
        if earlier is not None:
            stage = self.stages[earlier]
            return replace(self._new(stage.image, stage.blobs, ""), key=stage.key)
        image = self._image(section.first, section.base)
        return self._new(image.parsed, image.blobs, image.descriptor.digest)

    def _image(self, step: Instruction, name: str) -> Image:
        try:
            image = self.store.lookup(name)
        except NotFoundError as error:
            raise step.wrong(
                f"there is no image {name!r} here; `image list` shows those there are, `image import` takes more"
            ) from error
        if self.newest < 0:
            self.newest = _seconds(image.parsed.created)
        return image

    def _new(self, image: ImageConfig, blobs: tuple[Descriptor, ...], base: str) -> Stage:
        return Stage(image, blobs, _digest(VERSION, base), self.escape, self.order.args, self.plan.values)

    def _step(self, section: Section, stage: Stage, step: Instruction) -> bool:
        """Do it, or find it done: True then."""
        acts: dict[str, Callable[[Section, Stage, Instruction], bool]] = {"RUN": self._run, "COPY": self._copy, "ADD": self._copy}
        try:
            return acts.get(step.name, self._configure)(section, stage, step)
        except BuildError:
            raise
        except (VitrineError, OSError) as error:
            raise step.wrong(str(error)) from error

    def _configure(self, section: Section, stage: Stage, step: Instruction) -> bool:
        assert step.name in CONFIGURING
        config = configured(stage, step)
        made = None
        if step.name == "WORKDIR":
            copy = Copy(stage.tree(self.store), self._time)
            copy.directory(config["WorkingDir"])
            made = copy if copy.entries else None
        key = _digest(stage.key, step.name, json.dumps(config, sort_keys=True), made.write(None).diff_id if made else "")
        if self._known(stage, key):
            return True
        image = replace(stage.image, config=config)
        self._keep(stage, key, image, step, self._written(made) if made else None)
        return False

    def _run(self, section: Section, stage: Stage, step: Instruction) -> bool:
        if not stage.blobs:
            raise step.wrong("there is nothing to run in an empty image: COPY a program first, or begin FROM an image")
        args = sourcing.command(stage, step)
        tree = stage.tree(self.store)
        who = user(step, str(stage.config.get("User") or ""), tree)
        env = environment(stage, who)
        key = _digest(stage.key, "RUN", json.dumps([args, sorted(stage.args.items())]))
        if self._known(stage, key):
            return True
        process = Process(tuple(args), env, stage.directory, who.uid, who.gid, who.groups)
        outcome = running.run(self.store, tree.trees, process, self.own, self.order.bounds, self._time)
        if outcome.status:
            why = f": {outcome.reason}" if outcome.reason else ""
            raise step.wrong(f"{step.text[:KEPT]!r} ended with status {outcome.status}{why}")
        layer = outcome.layer if outcome.layer and outcome.layer.entries else None
        self._keep(stage, key, stage.image, step, layer)
        return False

    def _copy(self, section: Section, stage: Stage, step: Instruction) -> bool:
        copy = self._planned(section, stage, step)
        key = _digest(stage.key, "COPY", copy.write(None).diff_id)
        if self._known(stage, key):
            return True
        self._keep(stage, key, stage.image, step, self._written(copy) if copy.entries else None)
        return False

    def _planned(self, section: Section, stage: Stage, step: Instruction) -> Copy:
        tree = stage.tree(self.store)
        copy = Copy(tree, self._time)
        if step.flag("chown"):
            who = user(step, stage.expand(step, step.flag("chown")), tree)
            copy.chown = (who.uid, who.gid if ":" in step.flag("chown") or who.gid else who.uid)
        copy.chmod = sourcing.mode(step)
        source, skip = self.context, self.ignore
        if step.flag("from"):
            source, skip = self._other(section, step), ignore.Ignore()
            copy.keep_times = True
        copy.ignored = skip
        *names, target = sourcing.operands(stage, step)
        target = stage.absolute(target)
        items = [item for name in names for item in sourcing.items(stage, step, name, source, skip)]
        if step.name == "ADD":
            items = sourcing.unpacked(step, items, copy, target, self.scratch)
        if items:
            copy.add(items, target)
        return copy

    def _other(self, section: Section, step: Instruction) -> Merged:
        """The tree of --from: an earlier stage or an image."""
        earlier = self.plan.find(step.flag("from"), section.number)
        if earlier is not None:
            return self.stages[earlier].tree(self.store)
        return Merged(self._image(step, step.flag("from")).layers)

    @property
    def _time(self) -> int:
        """No time in a layer is later, in seconds."""
        return max(0, self.newest)

    def _written(self, copy: Copy) -> Layer:
        file = self.scratch / "copied.tar"
        with file.open("wb") as out:
            summary = copy.write(out)
        descriptor = Descriptor(LAYER, summary.diff_id, summary.size)
        self.store.blobs.adopt(file, descriptor)
        return Layer(descriptor, summary.diff_id, summary.entries)

    def _known(self, stage: Stage, key: str) -> bool:
        """Take the result of an earlier build."""
        stage.key = key
        if not self.order.cached:
            return False
        try:
            image = self.store.lookup(CACHE + key[:32])
        except NotFoundError:
            return False
        if not all(tree.is_dir() for tree in image.layers):
            return False
        stage.image, stage.blobs = image.parsed, image.blobs
        return True

    def _keep(self, stage: Stage, key: str, image: ImageConfig, step: Instruction, layer: Layer | None) -> None:
        """The step's result: an image of its own, under the key."""
        entry = History(rfc3339(self._time), str(step))
        if layer is None:
            stage.image = image.with_config(image.config, entry)
        else:
            stage.image = image.with_layer(layer.diff_id, entry)
            stage.blobs = (*stage.blobs, layer.descriptor)
        self.store.commit(CACHE + key[:32], stage.image, stage.blobs, limits=Limits(entries=1_000_000))

    def _warn(self) -> None:
        """A --build-arg that no ARG asks for is probably a slip."""
        for name in self.order.args.keys() - self.plan.declared:
            self.say(f"note: --build-arg {name}: no ARG {name} in the file")


def _digest(*parts: str) -> str:
    """A digest of texts, in which where one ends matters."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _seconds(created: str) -> int:
    """RFC 3339 as the image configuration has it, fractions cut; 0 if there is none."""
    try:
        return calendar.timegm(time.strptime(created[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0
