"""One container: its birth (`lifecycle`, `birth`, `inside`), its processes, its removal.

`lifecycle.Container` is the whole interface. It lives in the shim: root, single-threaded, and
nothing else's business.
"""
