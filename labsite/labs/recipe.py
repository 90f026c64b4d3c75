"""Recipes: what a lesson asks of a machine, within the bounds the operator sets.

A lesson that asks for more than this server gives is refused with the bound's name, by the
linter before anybody opens it and by the gateway when it is opened all the same. It is never
silently given less: half the memory would fail a learner in the middle of a step.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings

from lessons.catalog import Lesson, Machine

MEBIBYTE = 1 << 20
BOUNDS: dict[str, tuple[str, Callable[[Any], str]]] = {  # key of a request → (setting, how to say it)
    "memory": ("LESSON_MEMORY", lambda n: f"{n // MEBIBYTE}M"),
    "disk": ("LESSON_DISK", lambda n: f"{n // MEBIBYTE}M"),
    "cpus": ("LESSON_CPUS", str),
    "pids": ("LESSON_PIDS", str),
}


def image_for(name: str) -> str:
    """The image an operator gives for the name a lesson uses."""
    return settings.IMAGE_NAMES.get(name, name)


def request_for(lesson: Lesson, machine: Machine) -> dict[str, Any]:
    """Image, profile and limits a machine is made with."""
    return {
        "image": image_for(machine.image),
        "profile": machine.profile,
        "memory": machine.memory,
        "cpus": machine.cpus,
        "pids": machine.pids,
        "disk": machine.disk,
        "net": machine.network,
        **({"backend": machine.backend} if machine.backend != "container" else {}),
    }


def refusals(lesson: Lesson) -> list[str]:
    """Everything this lesson asks for that this server does not give."""
    found = [f"{machine.name}: {why}" for machine in lesson.machines for why in beyond(request_for(lesson, machine))]
    if len(lesson.machines) > settings.LESSON_MACHINES:
        found.append(f"{len(lesson.machines)} machines are more than this server gives a lab ({settings.LESSON_MACHINES})")
    return found


def beyond(request: dict[str, Any]) -> list[str]:
    """Which bounds of the operator's a request is beyond."""
    found = []
    for key, (setting, said) in BOUNDS.items():
        bound = getattr(settings, setting)
        if request.get(key, 0) > bound:
            found.append(f"{key} {said(request[key])} is more than this server gives ({said(bound)})")
    return found
