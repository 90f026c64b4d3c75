"""What to run, as execve(2) wants it: made from a request, the sandbox's defaults and its users.

Every process of a sandbox gets the image's environment, and HOME, USER and LOGNAME of its user, as
login(1) would set them. See environ(7).
"""

from __future__ import annotations

from typing import Any

from runtime.oci.spec import Process, Spec
from runtime.shim import users

SHELL = ("/bin/bash", "-l")


def describe(spec: Spec, init_pid: int, fields: dict[str, Any], extra: dict[str, str]) -> Process:
    """The process that `fields` ask for; `extra` comes before the request's own variables."""
    user = users.look_up(init_pid, fields["user"])
    base = {**spec.process.env, "HOME": user.home, "USER": user.name, "LOGNAME": user.name}
    args = tuple(fields["args"]) or tuple(spec.process.args) or SHELL
    env = {**base, **extra, **fields["env"]}
    process = Process(args=args, env=env, cwd=fields["cwd"] or user.home, uid=user.uid, gid=user.gid, groups=user.groups)
    process.validate()
    return process
