"""A stage: an image in the making, and what each instruction does to it.

Most instructions change the configuration only. They leave an entry in the history that says
`empty_layer`, as docker writes it, and cost nothing. RUN, COPY, ADD and sometimes WORKDIR add a layer.

See config.md of the image specification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.build import words
from runtime.build.containerfile import Instruction
from runtime.image.merged import Merged
from runtime.image.store import Store
from runtime.oci import volumes
from runtime.oci.digest import Descriptor
from runtime.oci.image_config import ImageConfig
from runtime.oci.spec import PATH
from runtime.shim import users

SHELL = ["/bin/sh", "-c"]
PORT = re.compile(r"\d{1,5}(-\d{1,5})?(/(tcp|udp|sctp))?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LARGEST_FILE = 1 << 20


@dataclass
class Stage:
    """Where a stage is. `key` names this state for the cache; `given` are the values of --build-arg."""

    image: ImageConfig
    blobs: tuple[Descriptor, ...]
    key: str
    escape: str
    given: Mapping[str, str]
    everywhere: Mapping[str, str]
    args: dict[str, str] = field(default_factory=dict)
    own_cmd: bool = False

    @property
    def config(self) -> dict[str, Any]:
        return self.image.config

    @property
    def env(self) -> dict[str, str]:
        return dict(line.partition("=")[::2] for line in self.config.get("Env") or [])

    @property
    def values(self) -> dict[str, str]:
        """What variables mean in an instruction: ENV counts before ARG."""
        return {**self.args, **self.env}

    @property
    def shell(self) -> list[str]:
        return list(self.config.get("Shell") or SHELL)

    @property
    def directory(self) -> str:
        return str(self.config.get("WorkingDir") or "/")

    def tree(self, store: Store) -> Merged:
        """The layers so far as one tree."""
        return Merged([store.tree(chain) for chain in self.image.chains])

    def absolute(self, path: str) -> str:
        """A path as seen from WORKDIR; a slash at its end stays."""
        return path if path.startswith("/") else f"{self.directory.rstrip('/')}/{path}"

    def expand(self, step: Instruction, text: str) -> str:
        """One word with its variables and without its quotes."""
        try:
            return words.expand(text, self.values, self.escape)
        except words.WordError as error:
            raise step.wrong(str(error)) from error

    def split(self, step: Instruction) -> list[str]:
        """The instruction's words: those of its JSON form, or between blanks; variables replaced."""
        try:
            return [self.expand(step, word) for word in step.words or words.split(step.text, self.escape)]
        except words.WordError as error:
            raise step.wrong(str(error)) from error

    def pairs(self, step: Instruction) -> dict[str, str]:
        """NAME=value NAME=value, or the old form, NAME value."""
        first = step.text.split(None, 1)
        if "=" not in first[0]:
            if len(first) < 2:
                raise step.wrong("write NAME=value")
            return {first[0]: self.expand(step, first[1])}
        found = {}
        for word in self.split(step):
            name, equals, value = word.partition("=")
            if not equals or not name:
                raise step.wrong(f"{word[:40]!r} is not NAME=value")
            found[name] = value
        return found

    def command(self, step: Instruction) -> list[str]:
        """The words of the exec form, or the shell with the text."""
        return step.words if step.words is not None else [*self.shell, step.text]

    def declare(self, step: Instruction) -> None:
        """ARG: a value given on the command line, else the default, else that of before the first FROM."""
        for word in words.split(step.text, self.escape):
            name, equals, default = word.partition("=")
            if not NAME.fullmatch(name):
                raise step.wrong(f"{name[:40]!r} is no name")
            value = self.given.get(name, self.expand(step, default) if equals else self.everywhere.get(name))
            if value is not None:
                self.args[name] = value


def user(step: Instruction, text: str, tree: Merged) -> users.User:
    """A user of the image: name, number, name:group; looked up in its own /etc/passwd and /etc/group."""
    name, colon, group = text.partition(":")
    found = users.ROOT
    if name not in ("", "0", "root"):
        known = users.parse(tree.read("etc/passwd", LARGEST_FILE), name)
        if known is None and not (name.isdecimal() and int(name) < 65536):
            raise step.wrong(f"{name[:40]!r} is no user of the image; add it to its /etc/passwd or give a number")
        found = known or users.User(name, int(name), 0, "/")
    if not colon:
        return found
    return users.User(found.name, found.uid, _group(step, group, tree), found.home)


def _group(step: Instruction, group: str, tree: Merged) -> int:
    if group.isdecimal() and int(group) < 65536:
        return int(group)
    for line in tree.read("etc/group", LARGEST_FILE).decode(errors="replace").splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[0] == group and fields[2].isdecimal():
            return int(fields[2])
    raise step.wrong(f"{group[:40]!r} is no group of the image")


def _env(stage: Stage, step: Instruction) -> dict[str, Any]:
    env = {**stage.env, **stage.pairs(step)}
    return {"Env": [f"{name}={value}" for name, value in env.items()]}


def _cmd(stage: Stage, step: Instruction) -> dict[str, Any]:
    stage.own_cmd = True
    return {"Cmd": stage.command(step)}


def _entrypoint(stage: Stage, step: Instruction) -> dict[str, Any]:
    """The base image's CMD was an argument of its own entry point, not of this one."""
    return {"Entrypoint": stage.command(step)} | ({} if stage.own_cmd else {"Cmd": None})


def _label(stage: Stage, step: Instruction) -> dict[str, Any]:
    return {"Labels": {**(stage.config.get("Labels") or {}), **stage.pairs(step)}}


def _expose(stage: Stage, step: Instruction) -> dict[str, Any]:
    ports = stage.split(step)
    for port in ports:
        if not PORT.fullmatch(port):
            raise step.wrong(f"{port[:40]!r} is no port such as 80 or 53/udp")
    wanted: dict[str, Any] = {port if "/" in port else f"{port}/tcp": {} for port in ports}
    return {"ExposedPorts": {**(stage.config.get("ExposedPorts") or {}), **wanted}}


def _volume(stage: Stage, step: Instruction) -> dict[str, Any]:
    places = {**(stage.config.get("Volumes") or {}), **{stage.absolute(path): {} for path in stage.split(step)}}
    volumes.check(volumes.of_image({"Volumes": places}))
    return {"Volumes": places}


def _workdir(stage: Stage, step: Instruction) -> dict[str, Any]:
    return {"WorkingDir": stage.absolute(stage.expand(step, step.text)).rstrip("/") or "/"}


def _shell(stage: Stage, step: Instruction) -> dict[str, Any]:
    if not step.words:
        raise step.wrong('write a JSON list such as ["/bin/bash", "-c"]')
    return {"Shell": step.words}


def _user(stage: Stage, step: Instruction) -> dict[str, Any]:
    return {"User": stage.expand(step, step.text)}


def _stop_signal(stage: Stage, step: Instruction) -> dict[str, Any]:
    return {"StopSignal": stage.expand(step, step.text)}


CONFIGURING: dict[str, Callable[[Stage, Instruction], dict[str, Any]]] = {
    "ENV": _env,
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "LABEL": _label,
    "EXPOSE": _expose,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
    "SHELL": _shell,
    "USER": _user,
    "STOPSIGNAL": _stop_signal,
}


def configured(stage: Stage, step: Instruction) -> dict[str, Any]:
    """The configuration after the instruction; a key whose value is None is gone."""
    merged = {**stage.config, **CONFIGURING[step.name](stage, step)}
    return {name: value for name, value in merged.items() if value is not None}


def environment(stage: Stage, who: users.User) -> dict[str, str]:
    """What a RUN has: PATH and HOME unless the image says otherwise, ARG, ENV."""
    return {"PATH": PATH, "HOME": who.home, **stage.args, **stage.env}
