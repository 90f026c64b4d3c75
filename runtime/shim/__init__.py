"""The shim: the small root process that stays beside one sandbox for as long as it lives.

Every process of the sandbox that did not begin inside it is a child of the shim, so exit
statuses are the shim's to read; every mount of the sandbox was made in the shim's own mount
namespace, so none can outlive it. It holds the terminals, their ring buffers, `state.json`
and one Unix socket, `shim.sock`, on which all the rest of the world talks to the sandbox.

Read `frames` (what goes over the socket), `ring` and `modes` (what a terminal remembers),
`terminal` (one pty and its viewers), `execution` (one command and its pipes), then `server`.
`client` and `stream` are the other end: one blocking, one for asyncio.
"""
