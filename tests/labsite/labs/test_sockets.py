"""Websockets: exact origins, one door, and messages that follow the rows."""

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from labsite.labs import notify
from labsite.labs.consumers import NOT_FOUND, LabConsumer, language_of
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
    """A stranger's socket is closed with 4404, signed in or not."""
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
    """A socket does not outlive its session: it is closed at the next look."""
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
    """A websocket from any other origin, even one that differs by port, is refused."""
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
    """Numbers in the address that cannot be believed are left out."""
    greeting = hello(1, query)

    assert (greeting["since"], greeting["cols"], greeting["rows"], greeting["write"]) == (None, 80, 24, True)
