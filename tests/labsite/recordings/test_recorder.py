"""The recorder: what is kept, from when on, up to where, and what is said to be missing."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from labsite.recordings import journal
from labsite.recordings.consumers import RecordingConsumer
from labsite.recordings.models import Recording
from labsite.recordings.recorder import RECORDERS, resume
from tests.labsite.recordings.conftest import until
from tests.labsite.xray.test_socket import Cookie, seen

pytestmark = pytest.mark.django_db(transaction=True)


def kept(code: str, kind: str) -> list:
    return [event for event in journal.events(code) if event[1] == kind]


def printed(code: str) -> str:
    return "".join(event[3] for event in kept(code, "o"))


async def begun(row: Recording, pty) -> None:
    """A recorder that is attached."""
    resume(row)
    await until(lambda: pty.viewers)


async def ended(row: Recording, reason: str = "user") -> None:
    """Stop it, and wait until everything is written."""
    recorder = RECORDERS[row.code]
    recorder.ended = recorder.ended or reason
    await recorder.task


def page(user, code: str) -> WebsocketCommunicator:
    communicator = WebsocketCommunicator(RecordingConsumer.as_asgi(), "/")
    communicator.scope |= {"user": user, "session": Cookie(), "url_route": {"kwargs": {"code": code}}, "query_string": b""}
    return communicator


@pytest.mark.asyncio
async def test_only_what_comes_after_the_consent(recording, pty):
    """Of what was printed before, the line with the cursor; then everything, and it looks only."""
    pty.print(b"secret of before\r\n# ")
    await begun(recording, pty)
    pty.print("tick ✓".encode())
    await ended(recording)

    assert "# tick ✓" == printed(recording.code)
    hello = pty.viewers[0].hello
    assert (False, False) == (hello["write"], hello["flow"])
    assert len(pty.kept) == pty.viewers[0].acked


@pytest.mark.asyncio
async def test_a_letter_in_two_pieces_is_one_letter(recording, pty):
    """The shim cuts anywhere; bytes that are no UTF-8 are marked as such and never lost in silence."""
    await begun(recording, pty)
    for piece in ("✓".encode()[:1], "✓".encode()[1:], b"\xff."):
        pty.print(piece)
    await ended(recording)

    assert "✓\ufffd." == printed(recording.code)


@pytest.mark.asyncio
async def test_after_a_restart_it_goes_on_where_the_journal_ends(recording, pty):
    """What was printed while nobody recorded is fetched from the ring; a torn last line is cut off."""
    await begun(recording, pty)
    pty.print(b"one ")
    await until(lambda: printed(recording.code) == "one ")
    RECORDERS[recording.code].task.cancel()
    await until(lambda: not RECORDERS)
    with journal.path(recording.code).open("ab") as file:
        file.write(b'[9,"o","box/1","tor')
    pty.viewers.clear()
    pty.print(b"two ")
    await begun(recording, pty)
    pty.print(b"three")
    await ended(recording)

    assert "one two three" == printed(recording.code)
    assert [] == kept(recording.code, "m")


@pytest.mark.asyncio
async def test_a_gap_is_told(recording, pty):
    """What rolled out of the ring meanwhile is missing, and the journal says how much."""
    pty.kept = b"x" * 10
    await begun(recording, pty)
    pty.print(b"a")
    await until(lambda: printed(recording.code).endswith("a"))
    RECORDERS[recording.code].task.cancel()
    await until(lambda: not RECORDERS)
    pty.viewers.clear()
    pty.print(b"b" * 100)
    pty.tail = 50
    await begun(recording, pty)
    await ended(recording)

    assert [["box/1", "gap", 39]] == [event[2:] for event in kept(recording.code, "m")]


@pytest.mark.asyncio
async def test_the_xray_is_on_the_same_time_line(recording, pty):
    """A snapshot, then the change, between what the terminal printed."""
    await begun(recording, pty)
    pty.shim.show(seen(1, a="S"))
    await until(lambda: kept(recording.code, "x"))
    pty.print(b"between")
    await until(lambda: printed(recording.code))
    pty.shim.show(seen(2, a="R"))
    await until(lambda: len(kept(recording.code, "x")) == 2)
    await ended(recording)

    assert ["r", "x", "o", "x"] == [event[1] for event in journal.events(recording.code)]
    assert ["snapshot", "change"] == [event[3]["type"] for event in kept(recording.code, "x")]
    times = [event[0] for event in journal.events(recording.code)]
    assert sorted(times) == times


@pytest.mark.asyncio
async def test_it_stops_when_it_is_full(recording, pty, settings):
    """Never a byte more than the setting, and the row says why."""
    settings.RECORDING_BYTES = 2000
    await begun(recording, pty)
    recorder = RECORDERS[recording.code]
    for _ in range(100):
        pty.print(b"0123456789" * 10)
    await recorder.task
    await sync_to_async(recording.refresh_from_db)()

    assert "full" == recording.end_reason and recording.ended_at
    assert 0 < journal.path(recording.code).stat().st_size <= 2000


@pytest.mark.asyncio
async def test_it_stops_with_its_time(recording, pty, settings):
    """An hour is an hour, whatever is printed."""
    settings.RECORDING_SECONDS = 0
    resume(recording)
    await RECORDERS[recording.code].task
    await sync_to_async(recording.refresh_from_db)()

    assert "time" == recording.end_reason


@pytest.mark.asyncio
async def test_deleting_stops_it(recording, pty, monkeypatch):
    """Who deletes what is being recorded ends it, and nothing comes back."""
    monkeypatch.setattr("labsite.recordings.recorder.LOOK", 1)
    await begun(recording, pty)
    code, recorder = recording.code, RECORDERS[recording.code]
    await sync_to_async(recording.delete)()
    pty.print(b"after")
    await recorder.task

    assert not journal.place(code).exists() and pty.viewers[0].left


@pytest.mark.asyncio
async def test_one_recorder_for_a_recording(recording, pty):
    """A second process finds the journal locked."""
    await begun(recording, pty)
    with pytest.raises(journal.BusyError):
        journal.Writer(recording.code)
    await ended(recording)


@pytest.mark.asyncio
async def test_the_file_is_the_owners_alone(recording, pty, state):
    """Other users of the machine cannot read it."""
    await begun(recording, pty)
    await ended(recording)

    for path in (state / "recordings", journal.place(recording.code), journal.path(recording.code)):
        assert 0 == path.stat().st_mode & 0o077, path


@pytest.mark.asyncio
async def test_nothing_without_consent(lab, learner, pty):
    """A start that does not say so is refused, and so is one for a machine that is not hers."""
    communicator = page(learner, lab.code)
    await communicator.connect()
    assert not (await communicator.receive_json_from())["on"]
    for wrong in (
        {"terminals": ["box/1"]},
        {"consent": True, "terminals": ["other/1"]},
        {"consent": True, "terminals": ["box/9"]},
    ):
        await communicator.send_json_to({"type": "start", **wrong})
        assert "refused" == (await communicator.receive_json_from())["type"]

    assert 0 == await sync_to_async(Recording.objects.count)()
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_started_and_stopped_from_the_page(lab, learner, pty):
    """The page is told that it is on, and then that it ended and why; the recorder needs no page."""
    communicator = page(learner, lab.code)
    await communicator.connect()
    await communicator.receive_json_from()
    await communicator.send_json_to({"type": "start", "consent": True, "terminals": ["box/1"]})
    assert (await communicator.receive_json_from())["on"]
    await communicator.disconnect()
    row = await Recording.objects.aget()
    assert row.code in RECORDERS

    communicator = page(learner, lab.code)
    await communicator.connect()
    assert (await communicator.receive_json_from())["on"]
    await communicator.send_json_to({"type": "stop"})
    async with asyncio.timeout(5):
        while (told := await communicator.receive_json_from())["on"]:
            pass
    assert ("user", row.code) == (told["reason"], told["code"])
    await until(lambda: not RECORDERS)
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_a_stranger_cannot_record(lab, stranger, pty):
    """T-04: Neither signed in as somebody else nor without a cookie."""
    for user in (stranger, AnonymousUser()):
        communicator = page(user, lab.code)
        await communicator.connect()
        assert 4404 == (await communicator.receive_output())["code"]


@pytest.mark.asyncio
async def test_signing_out_closes_the_socket(lab, learner, pty, monkeypatch):
    """W-02: A socket does not outlive the cookie session it was opened with."""
    monkeypatch.setattr("labsite.recordings.consumers.LOOK_AGAIN", 0.02)
    communicator = page(learner, lab.code)
    await communicator.connect()
    await communicator.receive_json_from()
    monkeypatch.setattr(Cookie, "exists", lambda self, key: False)

    assert 4404 == (await communicator.receive_output())["code"]
