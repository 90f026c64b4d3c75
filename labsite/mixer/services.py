"""Start a mix: a lab for it if she has none, a row, and then a task."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from labsite.accounts.models import User
from labsite.labs import gateway, services
from labsite.labs.models import LabSession, Sandbox, Status
from labsite.labs.recipe import image_for
from labsite.mixer.models import Mix, State

PATH = "mixer"  # in the place of a lesson's
MACHINE = "host"  # the sandbox plays one
BESIDE = "machine"  # the virtual machine that may stand beside it
STALE = timedelta(seconds=15)  # a mix that takes longer was lost; another may be asked for
MEBIBYTE = 1 << 20


class BusyError(Exception):
    """The last wish for this letter is not done yet."""


def lab_of(user: Any) -> LabSession | None:
    """Her mixer's lab, if one is open."""
    if not user.is_authenticated:
        return None
    return LabSession.objects.filter(user=user, lesson=PATH, ended_at=None, expires_at__gt=timezone.now()).first()


def request() -> dict[str, Any]:
    """What the sandbox around the mixes is made with: what a lesson's machine has, and no cable."""
    return {
        "image": image_for("linux"), "profile": "nested", "net": "none",
        "memory": 256 * MEBIBYTE, "cpus": 1, "pids": 256, "disk": 64 * MEBIBYTE,
    }  # fmt: skip


@transaction.atomic
def start(user: User, recipe: gateway.Mix, guesses: dict[str, bool], address: str | None = None) -> Mix:
    """Ask for a mix in the place of the last of its letter. LimitError and BusyError if that may not be."""
    lab = services.open_without_lesson(user, PATH, MACHINE, request(), address)
    old = lab.mixes.filter(letter=recipe.letter).first()
    if old and not old.settled and old.asked_at > timezone.now() - STALE:
        raise BusyError
    fresh = {
        "recipe": recipe.to_dict(), "guesses": guesses, "state": State.WAITING, "asked_at": timezone.now(),
        "took_ms": None, "steps": [], "acts": {}, "measured": {}, "error": "",
    }  # fmt: skip
    mix, _ = Mix.objects.update_or_create(lab=lab, letter=recipe.letter, defaults=fresh)
    if lab.sandboxes.filter(name=MACHINE, status=Status.RUNNING).exists():
        begin(mix)
    return mix


def add_machine(lab: LabSession) -> None:
    """A virtual machine of the same image beside the host: what it shares is to be seen too."""
    wanted = {**request(), "memory": 128 * MEBIBYTE, "backend": "vm"}
    services.add_machine(lab, BESIDE, wanted, "vm")


def begin(mix: Mix) -> None:
    """Send the task once the row can be seen. It may be sent twice: only one of two does the work."""
    from labsite.mixer.tasks import make_mix

    transaction.on_commit(lambda: make_mix.delay(mix.lab.code, mix.letter))


def sandbox_runs(sandbox: Sandbox) -> None:
    """What waited for it begins; what ran in another before it is gone, and begins again."""
    if sandbox.lab.lesson != PATH:
        return
    if sandbox.name == BESIDE:
        from labsite.mixer.tasks import measure_machine

        transaction.on_commit(lambda: measure_machine.delay(sandbox.lab.code))
        return
    for mix in sandbox.lab.mixes.select_related("lab"):
        if mix.move(*State, to=State.WAITING):
            begin(mix)


def nudge(mix: Mix) -> None:
    """A page waits: send the task again if it was not sent, as the sandbox began to run just then."""
    waits = mix.state == State.WAITING and mix.asked_at < timezone.now() - timedelta(seconds=1)
    if waits and mix.lab.sandboxes.filter(name=MACHINE, status=Status.RUNNING).exists():
        begin(mix)
