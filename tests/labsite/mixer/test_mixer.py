"""The mixer's page: who may start what, what is refused, and that nobody sees another's. The node keeps a list only."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from labsite.accounts.models import User
from labsite.labs import gateway, services
from labsite.labs.models import LabSession, Sandbox, Status
from labsite.mixer import tasks
from labsite.mixer.measuring import KINDS, QUESTIONS
from labsite.mixer.models import Mix, State
from tests.labsite.labs.test_pages import signed_in

pytestmark = pytest.mark.django_db
EXPECTED = {f"guess-{question}": "no" for question in QUESTIONS}
A = {"letter": "a", "namespaces": ["uts", "pid"], "capabilities": "docker", **EXPECTED}


def observation(name: str = "mix-a") -> dict[str, Any]:
    """Two processes that share all but one namespace, in the shape of docs/xray.md."""
    spaces = {kind: f"40{number}" for number, kind in enumerate(KINDS)}
    common = {
        "seccomp_filters": 1,
        "no_new_privs": False,
        "cgroups": ["pids:/"],
        "capabilities": {"effective": "f"},
        "started": 1.0,
    }
    user = {"uids": {"outside": 7, "sandbox": 0, "own": 0}}
    return {
        "machine": {"self": {"init": "1", "kernel": "6.18"}},
        "processes": {
            "1": {"pids": [1], "args": ["init"], "namespaces": spaces, **common, **user},
            "2": {"pids": [9, 1], "args": [name, "infinity"], "namespaces": {**spaces, "pid": "999"}, **common, **user},
        },
        "namespaces": {number: {"kind": kind, "members": 2, "hostname": name} for kind, number in spaces.items()},
        "mounts": {}, "changes": {}, "sockets": {}, "capabilities": {"f": {"names": ["chown"], "whole": False}},
        "cgroups": {"pids:/": {"limits": {"pids": 256}, "parent": None}}, "truncated": {},
    }  # fmt: skip


@pytest.fixture
def inside(monkeypatch):
    """A sandbox in which mixes can be made: what was asked of it."""
    asked: list[dict[str, Any]] = []

    class Look:
        def to_dict(self) -> dict[str, Any]:
            return observation()

    def mix(sandbox: Sandbox, recipe: dict[str, Any]) -> dict[str, Any]:
        asked.append(recipe)
        return {"timings": [], "acts": {"hostname": None, "mount": "EPERM", "file": "EROFS", "port": None}}

    monkeypatch.setattr(gateway, "mix", mix)
    monkeypatch.setattr(gateway, "look", lambda sandbox: Look())
    monkeypatch.setattr(gateway, "host_namespaces", lambda sandbox: dict.fromkeys(KINDS, "1"))
    return asked


@pytest.fixture
def start(node, inside, django_capture_on_commit_callbacks):
    """Send the form as a browser does, and let the tasks run."""

    def send(client: Client, **fields: Any):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/mixer/start/", {**A, **fields})

    return send


def test_reading_needs_no_account(client):
    """The page can be read, and makes no guest and no lab."""
    assert client.get("/mixer/").status_code == 200
    assert (0, 0) == (User.objects.count(), LabSession.objects.count())


def test_a_visitor_starts_a_mix(client, start, node, inside):
    """One form: a guest, a lab of one ordinary sandbox, and a mix measured beside what was expected."""
    answer = start(client)
    mix = Mix.objects.get()
    page = client.get(answer.url)

    assert "/mixer/#result" == answer.url
    assert (State.RUNNING, ["pid", "uts"]) == (mix.state, mix.recipe["namespaces"])
    assert [("nested", "none")] == [(request["profile"], request["net"]) for request in node.requests]
    assert [mix.recipe] == inside
    answers = {each["question"]: each for each in page.context["mixes"][0]["answers"]}
    assert 7 == len(answers)
    assert not mix.measured["answers"]["processes"] and mix.measured["answers"]["hostname"]
    assert 4 == page.context["mixes"][0]["right"]
    assert b"Nothing happened: the kernel refused it (EPERM)" in page.content


def test_the_matrix_compares_numbers(client, start):
    """Shared is what has the same number; with the server that is the kernel alone."""
    start(client)
    rows = {row["kind"]: row["cells"] for row in client.get("/mixer/").context["shared"]["rows"]}

    assert ["pid"] == [kind for kind, cells in rows.items() if not cells[0]["same"]]
    assert ["kernel"] == [kind for kind, cells in rows.items() if cells[-1]["same"]]


def test_a_machine_beside_shares_nothing(client, start, monkeypatch):
    """A virtual machine is one more sandbox of the same lab, once; its column has not even the kernel in common."""
    start(client)
    other = observation()
    for number, kind in enumerate(KINDS):
        other["processes"]["1"]["namespaces"][kind] = f"50{number}"
    monkeypatch.setattr(gateway, "look", lambda sandbox: type("Look", (), {"to_dict": lambda self: other})())
    monkeypatch.setattr(gateway, "exec", lambda *args, **options: gateway.ExecResult(0, b"6.1.0-guest\n", b""))
    for _ in range(2):
        client.post("/mixer/machine/")
    assert not client.get("/mixer/").context["settled"]
    machine = Sandbox.objects.get(backend="vm")
    Sandbox.objects.filter(pk=machine.pk).update(status=Status.RUNNING)
    tasks.measure_machine(machine.lab.code)
    page = client.get("/mixer/")
    cells = {row["kind"]: row["cells"][-1] for row in page.context["shared"]["rows"]}

    assert [("container", "host"), ("vm", "machine")] == sorted(Sandbox.objects.values_list("backend", "name"))
    assert not any(cell["same"] for cell in cells.values())
    assert "6.1.0-guest" == cells["kernel"]["right"] and page.context["settled"]
    assert [State.RUNNING] == list(Mix.objects.values_list("state", flat=True))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"read_only": "on", "namespaces": ["pid"]}, b"needs a mount namespace"),
        ({"guess-port": ""}, b"Say first what you expect"),
        ({"namespaces": ["pid", "net"]}, b"not complete"),
        ({"capabilities": "everything"}, b"not complete"),
        ({"letter": "c"}, b"not complete"),
    ],
)
def test_what_is_refused_says_why(client, start, fields, said):
    """A bad form starts nothing, makes no guest, and keeps what was chosen."""
    answer = start(client, **fields)

    assert (400, 0, 0) == (answer.status_code, LabSession.objects.count(), User.objects.count())
    assert said in answer.content
    assert b'value="pid" checked' in answer.content


def test_a_mixer_is_a_lab_like_any_other(client, start, lesson, node):
    """Quota: a guest who has a lab open is told so, and can end it from there."""
    client.post("/labs/", {"lesson": "containers/namespaces"})
    answer = start(client)

    assert (429, 0) == (answer.status_code, Mix.objects.count())
    assert b"The mixer is a lab too" in answer.content


def test_both_letters_use_one_lab(client, start):
    """A and B stand side by side in the same sandbox; the next of a letter takes the place of the last."""
    start(client)
    start(client, letter="b")
    start(client, namespaces=["ipc"])

    assert (1, 2) == (LabSession.objects.count(), Mix.objects.count())
    assert ["ipc"] == Mix.objects.get(letter="a").recipe["namespaces"]


def test_nobody_sees_anothers_mix(client, start, stranger):
    """Pages know only the visitor's own lab: a stranger's has nothing in it."""
    start(client)

    for path in ("/mixer/", "/mixer/result/"):
        assert [] == signed_in(stranger).get(path).context["mixes"]
        assert [] == Client().get(path).context["mixes"]


def test_the_lab_leads_to_the_mixer_and_ends_to_the_home_page(client, start):
    """A lab without a lesson is no dead end."""
    start(client)
    lab = LabSession.objects.get()

    assert "/mixer/" == client.get(f"/labs/{lab.code}/").url
    assert b"Go on" in client.get("/").content
    assert "/" == client.post(f"/labs/{lab.code}/end/").url
    assert [] == client.get("/mixer/").context["mixes"]


def test_a_wish_is_finished_before_the_next(client, start, monkeypatch):
    """Ten clicks are one mix: the second is told that the first is being made."""
    monkeypatch.setattr(tasks.make_mix, "delay", lambda *args: None)
    start(client)

    assert 409 == start(client).status_code
    assert "false" in client.get("/mixer/result/").content.decode().split('data-settled="')[1][:6]


def test_a_mix_that_fails_says_what_the_kernel_said(client, start, monkeypatch):
    """A refused mix is shown with the reason, and another can be started."""

    def refuse(*_: object) -> None:
        raise gateway.GatewayError("mix", None, "unshare: no space left on device <b>")

    monkeypatch.setattr(gateway, "mix", refuse)
    start(client)
    page = client.get("/mixer/")

    assert "failed" == page.context["mixes"][0]["state"] and page.context["settled"]
    assert b"no space left on device &lt;b&gt;" in page.content
    assert 302 == start(client).status_code


def test_a_fresh_sandbox_gets_its_mixes_again(client, start, inside):
    """When the sandbox was made anew, what ran in the old one is made and measured again."""
    start(client)
    sandbox = Sandbox.objects.get()
    services.reset(sandbox)
    tasks_run = len(inside)
    from labsite.labs.tasks import start_sandbox, stop_sandbox

    stop_sandbox(sandbox.lab.code, sandbox.name)
    start_sandbox(sandbox.lab.code, sandbox.name)
    tasks.make_mix(sandbox.lab.code, "a")

    assert State.RUNNING == Mix.objects.get().state
    assert len(inside) > tasks_run


def test_every_word_is_there_in_chinese(client, start):
    """The page in Chinese has no English sentence of ours left in its questions and answers."""
    start(client)
    client.cookies["django_language"] = "zh-hans"
    page = client.get("/mixer/", headers={"Accept-Language": "zh-CN"})
    texts = [each["question"] + each["why"] for each in page.context["mixes"][0]["answers"]]

    assert all(any("一" <= letter <= "鿿" for letter in text) for text in texts)
    assert "隔离混合台" in page.content.decode()
