"""Commands, files and facts over shim.sock."""

from __future__ import annotations

import pytest

from runtime.errors import RuntimeRefused
from tests.runtime.node import needs_node

pytestmark = needs_node


def test_a_command_gives_status_and_both_outputs(box):
    """Exit status, output and error output arrive apart."""
    result = box.exec(["sh", "-c", "echo out; echo err >&2; exit 7"])

    assert (7, b"out\n", b"err\n") == (result.code, result.stdout, result.stderr)


def test_a_command_reads_its_input(box):
    """What is passed as stdin is read, to its end."""
    data = bytes(range(256)) * 2000

    assert data == box.exec(["cat"], stdin=data, limit=1 << 20).stdout


def test_output_is_cut_at_the_limit(box):
    """A command may write more than asked for; the rest is dropped and the result says so."""
    result = box.exec(["head", "-c", "3000000", "/dev/zero"], limit=1000)

    assert (0, 1000, True) == (result.code, len(result.stdout), result.truncated)


def test_a_command_that_takes_too_long_is_killed(box):
    """The time-out ends the command and whatever runs in its process group."""
    result = box.exec(["sh", "-c", "sleep 1000 | sleep 1000"], timeout=0.3)

    assert (True, 137) == (result.timed_out, result.code)
    assert b"" == box.exec(["pgrep", "sleep"]).stdout


def test_a_process_left_behind_is_not_waited_for(box):
    """A command ends when its own process does, as in a shell."""
    assert 0 == box.exec(["sh", "-c", "sleep 1000 & exit 0"], timeout=5).code


def test_a_command_runs_as_the_asked_user(box):
    """Name, number, home and groups come from the sandbox's own passwd and group."""
    result = box.exec(["sh", "-c", "id -u; echo $HOME; pwd"], user="student")

    assert b"1000\n/home/student\n/home/student\n" == result.stdout


def test_an_unknown_user_is_refused(box):
    """A user that is not there is a refusal, not root."""
    with pytest.raises(RuntimeRefused) as refusal:
        box.exec(["true"], user="nobody-at-all")

    assert "no-user" == refusal.value.code


def test_a_passwd_that_is_no_file_hurts_nobody(box):
    """The guest's /etc/passwd may be a FIFO or a link to the host's; the shim does not hang or follow."""
    box.exec(["sh", "-c", "rm /etc/passwd; mkfifo /etc/passwd"])

    with pytest.raises(RuntimeRefused):
        box.exec(["true"], user="student")
    assert 0 == box.exec(["true"]).code


def test_a_missing_program_is_told_apart(box):
    """What cannot be executed has a code of its own."""
    with pytest.raises(RuntimeRefused) as refusal:
        box.exec(["no-such-program"])

    assert "not-found" == refusal.value.code


def test_files_go_in_and_come_out(box):
    """put writes with mode and owner, get reads the same bytes."""
    data = bytes(range(256)) * 100
    box.put("/home/student/deep/file", data, mode=0o640, uid=1000)

    assert data == box.get("/home/student/deep/file")
    assert b"1000 640\n" == box.exec(["stat", "-c", "%u %a", "/home/student/deep/file"]).stdout


def test_get_refuses_what_is_no_file(box):
    """A directory, a device or nothing is a refusal."""
    for path in ("/etc", "/dev/zero", "/nothing"):
        with pytest.raises(RuntimeRefused):
            box.get(path)


def test_a_file_written_through_a_link_stays_inside(box, tmp_path):
    """A symbolic link to a path of the host leads to that path inside."""
    target = tmp_path / "outside"
    box.exec(["sh", "-c", f"ln -s {target} /root/link; mkdir -p {target.parent}"])
    box.put("/root/link", b"x")

    assert not target.exists()
    assert b"x" == box.get("/root/link")


def test_observe_sees_processes_and_their_namespaces(box):
    """A process that unshared its UTS namespace has another inode, and its own host name."""
    box.exec(["sh", "-c", "unshare --uts sh -c 'hostname otter; exec sleep 300' >/dev/null 2>&1 & sleep 0.3"])

    facts = box.observe()

    init = next(p for p in facts["processes"] if p["init"])
    sleeper = next(p for p in facts["processes"] if p["comm"] == "sleep")
    assert (1, "init", "box") == (init["inside_pid"], init["comm"], init["hostname"])
    assert "otter" == sleeper["hostname"]
    assert sleeper["ns"]["uts"] != init["ns"]["uts"]
    assert sleeper["ns"]["pid"] == init["ns"]["pid"] != facts["host"]["pid"]
    assert 0 == sleeper["uid"]
    assert any(mount["target"] == "/proc" for mount in facts["mounts"][str(init["ns"]["mnt"])])


def test_state_tells_usage(box):
    """state has the record, what was used and how the sandbox was made."""
    state = box.state()

    assert "created" == state["state"]["status"]
    assert state["usage"]["pids"] >= 1
    assert state["timings"]


@pytest.mark.parametrize("request_", [{"verb": "nonsense"}, {"verb": "exec", "args": "ls"}, {"verb": "exec", "args": ["\ud800"]}])
def test_a_bad_request_is_answered(box, request_):
    """What is not understood gets an error, and the sandbox lives on."""
    with pytest.raises(RuntimeRefused):
        box.ask(request_.pop("verb"), **request_)
    assert 0 == box.exec(["true"]).code
