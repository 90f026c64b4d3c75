"""What the mixer's page says: the choices, the questions, and what was measured, in words."""

from typing import Any

from django.utils.translation import gettext as _

from labsite.labs.models import LabSession, Sandbox, Status
from labsite.mixer import services, words
from labsite.mixer.forms import SETS, MixForm
from labsite.mixer.measuring import KINDS, QUESTIONS
from labsite.mixer.models import Beside, Mix, State

Row = dict[str, Any]
ENDED = (Status.FAILED, Status.LOST, Status.STOPPED)
EMPTY: Row = {"namespaces": [], "capabilities": "all", "guesses": {}}


def chosen(form: MixForm | None, lab: LabSession | None) -> Row:
    """What the form shows as chosen: what was sent, or else the recipe of the last mix, without her answers."""
    if form is not None:
        data = form.data
        guesses = {question: data.get(f"guess-{question}") for question in QUESTIONS}
        switches = {name: bool(data.get(name)) for name in ("seccomp", "read_only", "limits")}
        return {
            "namespaces": data.getlist("namespaces"),
            "capabilities": data.get("capabilities"),
            "guesses": guesses,
            **switches,
        }
    last = lab.mixes.order_by("-asked_at").first() if lab else None
    return {**EMPTY, **last.recipe} if last else EMPTY


def kinds(chosen: Row) -> list[Row]:
    """A switch for each namespace."""
    return [{"kind": kind, "text": words.kind(kind), "on": kind in chosen["namespaces"]} for kind in KINDS]


def sets() -> list[tuple[str, str]]:
    """The sets of capabilities."""
    return [(name, words.capabilities(name)) for name in SETS]


def questions(chosen: Row) -> list[Row]:
    """What is asked before the start."""
    return [{"id": name, "text": words.question(name), "guess": chosen["guesses"].get(name)} for name in QUESTIONS]


def result(lab: LabSession | None) -> Row:
    """All that the lower half of the page shows."""
    mixes = list(lab.mixes.select_related("lab")) if lab else []
    machines = {each.name: each for each in lab.sandboxes.select_related("lab")} if lab else {}
    sandbox, beside = machines.get(services.MACHINE), machines.get(services.BESIDE)
    other = Beside.objects.filter(lab=lab).values_list("measured", flat=True).first() if beside else None
    shown = [_mix(mix) for mix in mixes]
    measured = {mix.letter: mix.measured for mix in mixes if mix.state == State.RUNNING}
    return {
        "mixes": shown,
        "settled": all(mix.settled for mix in mixes) and _settled(sandbox) and (bool(other) or _settled(beside, ENDED)),
        "sandbox": sandbox,
        "beside": beside,
        "other": other,
        "shared": _shared(measured, other),
        "fences": _fences(measured),
    }


def _settled(sandbox: Sandbox | None, states: tuple[str, ...] = (*ENDED, Status.RUNNING)) -> bool:
    """Is there no machine to wait for?"""
    return sandbox is None or sandbox.status in states


def _mix(mix: Mix) -> Row:
    """One mix: its answers beside what she expected."""
    answers = [_answer(mix, question) for question in QUESTIONS] if mix.state == State.RUNNING else []
    acts = [{"text": words.act(name), "error": error} for name, error in mix.acts.items()]
    steps = [{**each, "description": words.step(each["description"])} for each in mix.steps]
    return {
        "letter": mix.letter.upper(), "state": mix.state, "error": mix.error, "took_ms": mix.took_ms, "answers": answers,
        "right": sum(each["right"] for each in answers), "steps": steps, "acts": acts,
        "own": mix.recipe.get("namespaces", []),
    }  # fmt: skip


def _answer(mix: Mix, question: str) -> Row:
    """What was expected, what was measured, and why it is so."""
    answer, guess = mix.measured["answers"][question], mix.guesses.get(question)
    return {
        "question": words.question(question), "answer": answer, "guess": guess, "right": answer == guess,
        "why": words.why(question, answer, mix),
    }  # fmt: skip


def _shared(measured: dict[str, Row], other: Row | None) -> Row | None:
    """The matrix: who has what in common with whom, by the numbers of the namespaces. The kernel is its first row."""
    if not measured:
        return None
    newest = next(iter(measured.values()))
    around, kernel = newest["around"]["namespaces"], newest["kernel"]
    pairs = [(_("{a} and the host").format(a=each.upper()), of["mix"]["namespaces"], around) for each, of in measured.items()]
    if len(measured) == 2:
        one, other_mix = (of["mix"]["namespaces"] for of in measured.values())
        pairs.append((_("A and B"), one, other_mix))
    pairs.append((_("the host and the server"), around, newest["server"]))
    kernels = [{"same": True, "left": kernel, "right": kernel} for _pair in pairs]
    if other and other.get("namespaces"):
        pairs.append((_("the host and the machine"), around, other["namespaces"]))
        kernels.append({"same": False, "left": kernel, "right": other["kernel"]})
    rows = [{"kind": "kernel", "cells": kernels}]
    rows += [{"kind": kind, "cells": [_cell(left[kind], right[kind]) for _name, left, right in pairs]} for kind in KINDS]
    return {"columns": [name for name, _left, _right in pairs], "rows": rows}


def _cell(left: str, right: str) -> Row:
    return {"same": left == right, "left": left, "right": right}


def _fences(measured: dict[str, Row]) -> Row | None:
    """The other fences, one column for each mix and one for the sandbox around."""
    if not measured:
        return None
    columns = [(letter.upper(), of["mix"]) for letter, of in measured.items()]
    columns.append((_("the host"), next(iter(measured.values()))["around"]))
    rows = [{"name": name, "cells": [say(of) for _head, of in columns]} for name, say in words.fences()]
    return {"columns": [head for head, _of in columns], "rows": rows}
