"""The x-ray's socket: whose lab it is, one feed for all who look, fewer messages and never old ones."""

import asyncio

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from labsite.labs import gateway
from labsite.labs.gateway import Observation
from labsite.labs.presence import NOT_FOUND
from labsite.xray.consumers import XrayConsumer
from labsite.xray.feeds import FEEDS
from labsite.xray.viewing import Viewing

pytestmark = pytest.mark.django_db(transaction=True)


class Cookie:
    """A cookie session that exists."""

    session_key = "k"

    def exists(self, key: str) -> bool:
        return True


class Shim:
    """Stands for the node: what a test says is what `gateway.watch` gives."""

    def __init__(self) -> None:
        self.watched: list[str] = []
        self.ended = 0
        self.waiting: asyncio.Queue = asyncio.Queue()
        self.last: Observation | None = None

    async def watch(self, runtime_id):
        self.watched.append(runtime_id)
        try:
            while message := await self.waiting.get():
                yield message
        finally:
            self.ended += 1

    def show(self, seen: Observation) -> None:
        """The next observation, as the shim would tell it."""
        fresh = self.last is None or self.last.epoch != seen.epoch
        self.waiting.put_nowait({"type": "snapshot", "observation": seen.to_dict()} if fresh else seen.since(self.last))
        self.last = seen


@pytest.fixture
def shim(monkeypatch):
    """A node that shows what it is told to."""
    shim = Shim()
    monkeypatch.setattr(gateway, "watch", shim.watch)
    yield shim
    FEEDS.feeds.clear()


def seen(version: int, epoch: str = "e", **states: str) -> Observation:
    """An observation with these processes."""
    return Observation(
        epoch, version, float(version), {}, {"processes": {pid: {"state": state} for pid, state in states.items()}}
    )


def page(user, code: str) -> WebsocketCommunicator:
    """A page of this user's with an open x-ray."""
    communicator = WebsocketCommunicator(XrayConsumer.as_asgi(), "/")
    communicator.scope |= {"user": user, "session": Cookie(), "url_route": {"kwargs": {"code": code}}, "query_string": b""}
    return communicator


async def opened(user, code: str) -> WebsocketCommunicator:
    """The same, connected and greeted."""
    communicator = page(user, code)
    await communicator.connect()
    hello = await communicator.receive_json_from()
    assert ("hello", ["box"]) == (hello["type"], [machine["name"] for machine in hello["machines"]])
    return communicator


@pytest.mark.asyncio
async def test_a_stranger_sees_nothing(lab, stranger, shim):
    """T-04: Signed in or not: closed with 4404, and nothing is collected."""
    for user in (stranger, AnonymousUser()):
        communicator = page(user, lab.code)
        await communicator.connect()

        assert {"type": "websocket.close", "code": NOT_FOUND} == {
            key: value for key, value in (await communicator.receive_output()).items() if key != "reason"
        }
    assert [] == shim.watched


@pytest.mark.asyncio
async def test_only_our_own_origin(lab):
    """W-01: A page of another site may not open it."""
    from labsite.asgi import application

    headers = [(b"host", b"localhost:8000"), (b"origin", b"http://evil.example")]
    communicator = WebsocketCommunicator(application, f"/ws/labs/{lab.code}/xray/", headers)

    assert not (await communicator.connect())[0]


@pytest.mark.asyncio
async def test_first_everything_then_what_changes(lab, learner, shim):
    """A snapshot, then the difference from it."""
    communicator = await opened(learner, lab.code)
    shim.show(seen(1, a="S"))
    first = await communicator.receive_json_from()
    shim.show(seen(2, a="R", b="S"))
    second = await communicator.receive_json_from()

    assert ("snapshot", "box", 1) == (first["type"], first["machine"], first["observation"]["version"])
    assert ("change", 1, 2) == (second["type"], second["from"], second["to"])
    assert {"processes": {"added": {"b": {"state": "S"}}, "changed": {"a": {"state": "R"}}}} == second["patch"]
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_one_feed_however_many_look(lab, learner, shim):
    """Two pages, one stream from the shim; with the last page it ends."""
    one, two = await opened(learner, lab.code), await opened(learner, lab.code)
    shim.show(seen(1, a="S"))
    for communicator in (one, two):
        assert "snapshot" == (await communicator.receive_json_from())["type"]

    assert 1 == len(shim.watched)
    await one.disconnect()
    assert 0 == shim.ended
    await two.disconnect()
    await until(lambda: shim.ended == 1)


async def until(condition) -> None:
    """Wait for what other tasks do."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never happened")


@pytest.mark.asyncio
async def test_a_page_that_draws_nothing_is_sent_no_more(lab, learner, shim):
    """After two messages without an acknowledgement the next leads straight to the newest."""
    communicator = await opened(learner, lab.code)
    got = []
    for version in range(1, 8):
        shim.show(seen(version, **{str(number): "S" for number in range(version)}))
        if version < 3:
            got.append(await communicator.receive_json_from())
    await until(lambda: shim.waiting.empty() and FEEDS.feeds[shim.watched[0]].latest.version == 7)
    assert await communicator.receive_nothing()

    await communicator.send_json_to({"type": "ack", "machine": "box", "version": got[-1]["to"]})
    last = await communicator.receive_json_from()

    assert (got[-1]["to"], 7) == (last["from"], last["to"])
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_another_life_begins_with_a_snapshot(lab, learner, shim):
    """A machine that was made again has another epoch: what was known of it is forgotten."""
    communicator = await opened(learner, lab.code)
    shim.show(seen(5, a="S"))
    await communicator.receive_json_from()
    shim.show(seen(1, epoch="f", z="S"))

    again = await communicator.receive_json_from()

    assert ("snapshot", "f") == (again["type"], again["observation"]["epoch"])
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_a_snapshot_may_be_asked_for(lab, learner, shim):
    """Whoever lost her place gets everything again."""
    communicator = await opened(learner, lab.code)
    shim.show(seen(1, a="S"))
    await communicator.receive_json_from()
    await communicator.send_json_to({"type": "refresh", "machine": "box"})

    assert "snapshot" == (await communicator.receive_json_from())["type"]
    await communicator.disconnect()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "message", ["[]", "null", '{"type":"ack"}', '{"type":"ack","machine":"box","version":"x"}', "{", '{"machine":[]}']
)
async def test_nonsense_is_ignored(lab, learner, shim, message):
    """A strange message changes nothing."""
    communicator = await opened(learner, lab.code)
    await communicator.send_to(text_data=message)
    shim.show(seen(1, a="S"))

    assert "snapshot" == (await communicator.receive_json_from())["type"]
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_a_machine_that_does_not_answer_is_told_of(lab, learner, monkeypatch):
    """The page hears why nothing is shown, and the site tries again."""

    async def nobody(runtime_id):
        raise gateway.GatewayError("unavailable", None, "no shim answers")
        yield

    monkeypatch.setattr(gateway, "watch", nobody)
    communicator = await opened(learner, lab.code)

    error = await communicator.receive_json_from()

    assert ("error", "box", "unavailable") == (error["type"], error["machine"], error["code"])
    await communicator.disconnect()


def test_a_viewing_never_sends_what_was():
    """Only the newest is encoded, whatever lay between."""
    viewing = Viewing("box")

    assert '"snapshot"' in viewing.next(seen(1, a="S"))
    assert viewing.next(viewing.sent) is None
    assert '"from":1,"to":9' in viewing.next(seen(9, a="R"))
    assert viewing.next(seen(10, a="S")) is None
    viewing.ack(9)
    assert '"from":9,"to":11' in viewing.next(seen(11, a="S"))


def test_the_address_in_the_api(lab, learner, stranger, monkeypatch):
    """The owner gets an observation of each machine; a stranger 404."""
    monkeypatch.setattr(gateway, "look", lambda sandbox: seen(3, a="S"))
    client = Client()
    client.force_login(learner, backend="django.contrib.auth.backends.ModelBackend")
    other = Client()
    other.force_login(stranger, backend="django.contrib.auth.backends.ModelBackend")
    url = f"/api/v1/labs/{lab.code}/xray"

    assert 3 == client.get(url).json()["machines"]["box"]["version"]
    assert [404, 404] == [each.get(url).status_code for each in (other, Client())]
