"""How much one preview may take. A page of a lesson needs far less; who needs more has a terminal."""

HEAD_BYTES = 32 << 10
UP_BYTES = 16 << 20
DOWN_BYTES = 64 << 20
CHUNK = 64 << 10
HEAD_SECONDS = 15.0  # for a browser to say what it wants
CONNECT_SECONDS = 5.0  # for a server in the sandbox to accept
IDLE_SECONDS = 60.0  # without a byte
LOOK_SECONDS = 10.0  # between two looks whether a long connection still may stand
PER_PREVIEW = 32  # connections at once
PER_NODE = 512
