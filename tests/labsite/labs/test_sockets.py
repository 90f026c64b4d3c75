"""Websockets: exact origins, one door, and messages that follow the rows."""

import asyncio
import json

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from labsite.labs import notify
from labsite.labs.consumers import LabConsumer, language_of
from labsite.labs.models import LabSession, Status
from labsite.labs.presence import NOT_FOUND
from labsite.labs.terminal_consumer import TerminalConsumer, hello

pytestmark = pytest.mark.django_db(transaction=True)


class Cookie:
    """A cookie session that exists."""

    session_key = "k"

    gone = False

    def exists(self, key: str) -> bool:
        return not self.gone


def socket(consumer, user, **route) -> WebsocketCommunicator:
    """A socket of this user's at this address."""
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/")
    communicator.scope |= {"user": user, "session": Cookie(), "url_route": {"kwargs": route}, "query_string": b""}
    return communicator


@pytest.mark.asyncio
async def test_the_owner_is_told_first_what_is(lab, learner):
    """A page that connects gets the lab as it is, then what happens to it."""
    page = socket(LabConsumer, learner, code=lab.code)
    await page.connect()

    assert (await page.receive_json_from())["type"] == "lab"

    await page.send_json_to({"type": "activity"})
    await notify.get_channel_layer().group_send(
        notify.group(lab.code), {"type": "lab.message", "message": {"type": "expiring", "seconds": 5}}
    )
    assert await page.receive_json_from() == {"type": "expiring", "seconds": 5}
    await page.disconnect()


@pytest.mark.asyncio
@pytest.mark.parametrize("consumer", [LabConsumer, TerminalConsumer])
async def test_strangers_are_closed(lab, stranger, consumer):
    """T-04, W-02: A stranger's socket is closed with 4404, signed in or not."""
    for user in (stranger, AnonymousUser()):
        page = socket(consumer, user, code=lab.code, sandbox="box", n=1)
        await page.connect()
        message = await page.receive_output()
        while message["type"] != "websocket.close":
            message = await page.receive_output()
        assert message["code"] == NOT_FOUND


@pytest.mark.asyncio
@pytest.mark.parametrize("consumer", [LabConsumer, TerminalConsumer])
async def test_signing_out_closes_open_sockets(lab, learner, consumer, monkeypatch):
    """W-02: A socket does not outlive its session: it is closed at the next look."""
    monkeypatch.setattr("labsite.labs.consumers.LOOK_AGAIN", 0.05)
    monkeypatch.setattr("labsite.labs.terminal_consumer.LOOK_AGAIN", 0.05)
    monkeypatch.setattr("labsite.labs.gateway.open_terminal", no_terminal)
    page = socket(consumer, learner, code=lab.code, sandbox="box", n=1)
    await page.connect()
    page.scope["session"].gone = True
    message = await page.receive_output()
    while message["type"] != "websocket.close":
        message = await page.receive_output()

    assert message["code"] in (4404, 4410)


async def no_terminal(*_):
    """A terminal nobody writes to."""
    return type("Silent", (), {"close": lambda self: None})()


class Stream:
    """A terminal's stream as the consumer holds it: remembers what it was told, can hang up."""

    def __init__(self) -> None:
        self.told, self.hello = [], None

    async def open(self, runtime_id, hello, on_bytes, on_control, on_closed):
        self.hello, self.bytes, self.hang_up = hello, on_bytes, on_closed
        return self

    def __getattr__(self, verb):
        return lambda *values: self.told.append((verb, *values))


@pytest.fixture
def stream(monkeypatch) -> Stream:
    """The stream of every terminal opened in this test."""
    stream = Stream()
    monkeypatch.setattr("labsite.labs.gateway.open_terminal", stream.open)
    return stream


async def closing(page) -> tuple[dict, int]:
    """The last words and the code of a socket that is closed."""
    said = {}
    while (message := await page.receive_output(5))["type"] != "websocket.close":
        said = json.loads(message["text"]) if message.get("text") else said
    return said, message["code"]


@pytest.mark.asyncio
async def test_a_terminal_waits_for_its_machine(lab, learner, stream):
    """Opened while the machine is being made, it is attached when the machine runs."""
    machine = lab.sandboxes.all()
    await machine.aupdate(status=Status.STARTING)
    page = socket(TerminalConsumer, learner, code=lab.code, sandbox="box", n=1)
    await page.connect()
    assert await page.receive_nothing()
    assert stream.hello is None

    await machine.aupdate(status=Status.RUNNING)
    news = {"type": "sandbox", "name": "box", "status": "running"}
    await notify.get_channel_layer().group_send(notify.group(lab.code), {"type": "lab.message", "message": news})
    await page.send_to(bytes_data=b"x")
    async with asyncio.timeout(5):
        while ("input", b"y") not in stream.told:
            await page.send_to(bytes_data=b"y")
            await asyncio.sleep(0.01)
    await page.disconnect()

    assert stream.hello["n"] == 1


@pytest.mark.asyncio
async def test_a_machine_that_will_not_run_refuses_its_terminal(lab, learner, stream):
    """A failed machine closes the socket with 4409, whether it failed before or while one waits."""
    for before in (Status.FAILED, Status.STARTING):
        await lab.sandboxes.aupdate(status=before)
        page = socket(TerminalConsumer, learner, code=lab.code, sandbox="box", n=1)
        await page.connect()
        await lab.sandboxes.aupdate(status=Status.FAILED)
        news = {"type": "sandbox", "name": "box", "status": "failed"}
        await notify.get_channel_layer().group_send(notify.group(lab.code), {"type": "lab.message", "message": news})

        assert (await closing(page))[1] == 4409


@pytest.mark.asyncio
async def test_a_shim_that_hangs_up_is_told_apart_from_the_end(lab, learner, stream):
    """The machine went: 4502, and the page tries again. Its lab has ended: 4410, and the reason."""
    for ended, expected in ((None, ("gone", 4502)), (timezone.now(), ("ended", 4410))):
        page = socket(TerminalConsumer, learner, code=lab.code, sandbox="box", n=1)
        await page.connect()
        await page.receive_nothing()
        await LabSession.objects.filter(pk=lab.pk).aupdate(ended_at=ended, end_reason="user" if ended else "")
        stream.hang_up()
        said, code = await closing(page)

        assert (said["code"], code) == expected


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["{", "[]", "null", "{}", '{"type": "ack"}', '{"type": "ack", "offset": -1}',
                                  '{"type": "ack", "offset": true}', '{"type": "resize", "cols": -1, "rows": 5}',
                                  '{"type": "resize", "cols": 80, "rows": 1000000}', '{"type": "what"}', "[" * 9000])  # fmt: skip
async def test_nonsense_is_answered_and_changes_nothing(lab, learner, stream, text):
    """A-07, A-08: A control message that is not one gets an error frame; the shim hears nothing of it."""
    page = socket(TerminalConsumer, learner, code=lab.code, sandbox="box", n=1)
    await page.connect()
    await page.receive_nothing()
    await page.send_to(text_data=text)

    assert (await page.receive_json_from())["code"] == "message"
    assert stream.told == []
    await page.disconnect()


@pytest.mark.asyncio
async def test_a_frame_too_large_is_refused(lab, learner, stream):
    """A-06: 65 KiB at once: a code of ours, which Daphne can send, and words."""
    page = socket(TerminalConsumer, learner, code=lab.code, sandbox="box", n=1)
    await page.connect()
    await page.receive_nothing()
    await page.send_to(bytes_data=b"x" * (64 * 1024 + 1))
    said, code = await closing(page)

    assert (said["code"], code) == ("too-large", 4413)


@pytest.mark.asyncio
async def test_a_terminal_without_a_shim_says_so(lab, learner, monkeypatch, tmp_path):
    """When the machine does not answer the page is told, not left waiting."""
    monkeypatch.setenv("VITRINE_RUN", str(tmp_path))
    page = socket(TerminalConsumer, learner, code=lab.code, sandbox="box", n=1)
    await page.connect()

    assert (await page.receive_json_from())["code"] == "unavailable"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"null",
        b"https://localhost:8000",
        b"http://localhost:8001",
        b"http://localhost",
        b"http://localhost:8000.evil.example",
    ],
)
async def test_only_our_own_origin(origin):
    """W-01: A websocket from any other origin, even one that differs by port, is refused."""
    from labsite.asgi import application

    headers = [(b"host", b"localhost:8000")] + ([(b"origin", origin)] if origin else [])
    page = WebsocketCommunicator(application, "/ws/labs/" + "0" * 32 + "/", headers)

    connected, _ = await page.connect()

    assert not connected


def test_a_check_speaks_the_language_of_the_page():
    """The cookie decides, else what the browser asks for."""
    asks = {"headers": [(b"accept-language", b"zh-CN,zh;q=0.9")], "cookies": {}}

    assert language_of(asks) == "zh-hans"
    assert language_of(asks | {"cookies": {"django_language": "en"}}) == "en"


@pytest.mark.parametrize("query", [b"", b"since=x&cols=99999999&rows=-1", b"since=-5", b"cols=\xff"])
def test_a_strange_address_is_read_as_defaults(query):
    """A-08: Numbers in the address that cannot be believed are left out."""
    greeting = hello(1, query)

    assert (greeting["since"], greeting["cols"], greeting["rows"], greeting["write"]) == (None, 80, 24, True)
