"""The spawner: the one root process of a node, and the parent every shim is forked from.

It is kept small on purpose. It imports the standard library only, has one thread (a process
with several threads may not unshare a user namespace: EINVAL) and listens on one Unix socket.
A fork of a warm interpreter costs a millisecond where starting one costs thirty; that fork
becomes the shim and answers the request itself, so the spawner never waits for anything.

Read `requests` (what may be asked, and by whom), `ledger` (which shims live), then `server`.
"""
