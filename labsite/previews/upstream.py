"""The connection to the server: a socket of the sandbox's own network namespace, asked of its shim."""

import asyncio
import errno
import socket

import h11

from labsite.labs import gateway
from labsite.labs.gateway import GatewayError
from labsite.previews.gate import Place
from labsite.previews.limits import CHUNK, CONNECT_SECONDS
from labsite.previews.peer import Peer
from labsite.previews.refusals import RefusedError


async def connect(place: Place) -> Peer:
    """A peer on that port, by IPv4 or else by IPv6; refused in words if nothing listens."""
    for family in (4, 6):
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                made = await asyncio.to_thread(gateway.port, place.sandbox, place.port, family)
                await arrived(made)
                reader, writer = await asyncio.open_connection(sock=made, limit=CHUNK)
                return Peer(h11.CLIENT, reader, writer)
        except TimeoutError as error:
            raise RefusedError(504, port=place.port, machine=place.machine) from error
        except (OSError, GatewayError):
            continue
    raise RefusedError(502, port=place.port, machine=place.machine)


async def arrived(made: socket.socket) -> None:
    """Wait until the socket is connected; the error it met otherwise, and then it is closed."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(made, done.set)
    try:
        await done.wait()
    except BaseException:
        loop.remove_writer(made)
        made.close()
        raise
    loop.remove_writer(made)
    if code := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        made.close()
        raise OSError(code, errno.errorcode.get(code, "?"))
