"""One module for each facility of the kernel that a container is made of.

Each opens with the idea, the manual page and what breaks without it. Nothing here knows what a
sandbox is, and only `netlink` uses anything beyond Python's standard library.
"""
