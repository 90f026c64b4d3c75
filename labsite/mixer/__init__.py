"""The isolation mixer: choose the fences of a process, say what will change, start it, see it measured.

The mixes of a visitor live in a lab of her own with one ordinary sandbox, which plays the host:
what a mix shares, it shares with that sandbox and never with the server. See docs/adr/0025.
"""
