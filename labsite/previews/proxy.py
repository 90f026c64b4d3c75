"""One request of a browser to a server in a sandbox.

Every connection carries one request: what follows it in the same connection could be meant for another reader (request
smuggling), and is never looked at. The body is passed on as it comes, never kept. A websocket is a request too; once
both sides have agreed, bytes go through as they are.
"""

import asyncio
import contextlib
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import h11

from labsite.previews import gate, heads, limits, refusals, tickets, upstream
from labsite.previews.gate import Place
from labsite.previews.peer import Peer
from labsite.previews.refusals import RefusedError
from labsite.previews.tunnel import tunnel

busy: Counter[str] = Counter()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A browser's connection, from its request to its end."""
    browser = Peer(h11.SERVER, reader, writer)
    headers: heads.Headers = []
    try:
        request = await asked(browser)
        headers = list(request.headers)
        await answer(browser, request)
        browser.close()
    except RefusedError as refused:
        await refuse(browser, refused, headers)
    except h11.RemoteProtocolError as error:
        known = error.error_status_hint in refusals.WORDS
        await refuse(browser, RefusedError(error.error_status_hint if known else 400), headers)
    except (OSError, TimeoutError, h11.LocalProtocolError):
        browser.close(at_once=True)


async def refuse(browser: Peer, refused: RefusedError, headers: heads.Headers) -> None:
    """Say why, if the answer has not begun."""
    cut = browser.http.our_state is not h11.IDLE and browser.http.our_state is not h11.SEND_RESPONSE
    if not cut:
        status, head, body = refusals.page(refused, headers)
        with contextlib.suppress(OSError, TimeoutError, h11.LocalProtocolError):
            await browser.send(h11.Response(status_code=status, headers=head))
            await browser.send(h11.Data(data=body))
            await browser.send(h11.EndOfMessage())
    browser.close(at_once=cut)


async def asked(browser: Peer) -> h11.Request:
    """The request, if it is one we pass on."""
    try:
        async with asyncio.timeout(limits.HEAD_SECONDS):
            request = await browser.event()
    except TimeoutError as error:
        raise OSError("nothing was asked in time") from error
    if not isinstance(request, h11.Request):
        raise OSError("closed before a request")
    if request.method in (b"CONNECT", b"TRACE"):
        raise RefusedError(405)
    lengths, codings = heads.named(request.headers, b"content-length"), heads.named(request.headers, b"transfer-encoding")
    if not request.target.startswith(b"/") or (lengths and codings):
        raise RefusedError(400)
    if lengths and int(lengths[0]) > limits.UP_BYTES:
        raise RefusedError(413)
    return request


async def answer(browser: Peer, request: h11.Request) -> None:
    """Let the owner in, and pass on what she asks."""
    headers = list(request.headers)
    token = tickets.token_of(heads.named(headers, b"host")[0].decode("latin-1"))
    place = await gate.find(token) if token else None
    if place is None:
        raise RefusedError(404)
    if request.target.partition(b"?")[0] == tickets.ENTER.encode():
        await enter(browser, request, place)
        return
    given = [value for name, value in heads.cookies(headers) if name == tickets.COOKIE]
    if place.user not in [tickets.holder(token, value) for value in given[:4]]:
        raise RefusedError(404)
    origins = heads.named(headers, b"origin")
    if (origins and origins != [tickets.origin(token).encode()]) or heads.named(headers, b"service-worker"):
        raise RefusedError(403)
    if busy[token] >= limits.PER_PREVIEW or busy.total() >= limits.PER_NODE:
        raise RefusedError(429)
    busy[token] += 1
    try:
        await passed_on(browser, request, place)
    finally:
        busy[token] -= 1
        if not busy[token]:
            del busy[token]


async def enter(browser: Peer, request: h11.Request, place: Place) -> None:
    """A ticket becomes a cookie."""
    query = parse_qs(urlsplit(request.target.decode("latin-1")).query)
    found = await asyncio.to_thread(tickets.redeem, place.token, query.get("ticket", [""])[0])
    if request.method != b"GET" or found is None or found["u"] != place.user:
        raise RefusedError(404)
    head = [
        ("Location", found["to"]), ("Set-Cookie", tickets.cookie(place.token, place.user)), ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"), ("Content-Length", "0"), ("Connection", "close"),
    ]  # fmt: skip
    await browser.send(h11.Response(status_code=303, headers=head))
    await browser.send(h11.EndOfMessage())


async def passed_on(browser: Peer, request: h11.Request, place: Place) -> None:
    """The request to the sandbox, its answer back."""
    headers = list(request.headers)
    upgrade = heads.upgrades(request.method, headers)
    server = await upstream.connect(place)
    try:
        head = heads.inward(headers, place.token, place.port, upgrade)
        await server.send(h11.Request(method=request.method, target=request.target, headers=head))
        if await both_ways(browser, server, place):
            await tunnel(browser, server, place)
    except h11.RemoteProtocolError as error:
        raise RefusedError(507) from error
    except TimeoutError as error:
        raise RefusedError(504, port=place.port, machine=place.machine) from error
    except OSError as error:
        raise RefusedError(502, port=place.port, machine=place.machine) from error
    finally:
        server.close(at_once=True)


async def both_ways(browser: Peer, server: Peer, place: Place) -> bool:
    """Body and answer at the same time: a server may answer before it has read all, or instead of it."""
    sending = asyncio.create_task(upload(browser, server))
    answering = asyncio.create_task(download(browser, server, place))
    try:
        await asyncio.wait((sending, answering), return_when=asyncio.FIRST_COMPLETED)
        failed = sending.exception() if sending.done() else None
        if failed and not isinstance(failed, BrokenPipeError | ConnectionResetError):
            raise failed
        return await answering
    finally:
        for each in (sending, answering):
            each.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)


async def upload(browser: Peer, server: Peer) -> None:
    """The request's body."""
    total = 0
    while True:
        if browser.http.they_are_waiting_for_100_continue:
            await browser.send(h11.InformationalResponse(status_code=100, headers=[]))
        try:
            event = await browser.event()
        except h11.RemoteProtocolError as error:
            raise RefusedError(400) from error
        if isinstance(event, h11.Data):
            total += len(event.data)
            if total > limits.UP_BYTES:
                raise RefusedError(413)
            await server.send(h11.Data(data=event.data))
        elif isinstance(event, h11.EndOfMessage):
            await server.send(h11.EndOfMessage())
            return
        else:
            raise OSError("the browser went away")


async def download(browser: Peer, server: Peer, place: Place) -> bool:
    """The answer; True if both sides now speak websocket."""
    total = 0
    while True:
        event = await server.event()
        if isinstance(event, h11.InformationalResponse):
            if event.status_code == 101:
                head = heads.outward(list(event.headers), place.token, place.port, upgrade=True)
                await browser.send(h11.InformationalResponse(status_code=101, headers=head))
                return True
        elif isinstance(event, h11.Response):
            if any(int(value) > limits.DOWN_BYTES for value in heads.named(event.headers, b"content-length")):
                raise RefusedError(507)
            head = heads.outward(list(event.headers), place.token, place.port)
            await browser.send(h11.Response(status_code=event.status_code, headers=head))
        elif isinstance(event, h11.Data):
            total += len(event.data)
            if total > limits.DOWN_BYTES:
                raise RefusedError(507)
            await browser.send(h11.Data(data=event.data))
        elif isinstance(event, h11.EndOfMessage):
            await browser.send(h11.EndOfMessage())
            return False
        else:
            raise OSError("the server closed")
