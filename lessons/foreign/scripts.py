"""Scripts: how background and verify scripts are run inside the machine.

Each is written to a file with a neutral name and run from there, never as an argument of a
shell: authors look for processes with `pgrep -f PATTERN`, and a script on a command line would
find itself. A first line `#!` names its interpreter; without one it is bash.
"""

import hashlib
import re
import shlex

from lessons import contract
from lessons.foreign import placeholders

PLACE = "/run/lesson"
LOGS = "/var/log/killercoda"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START = f"""export HOME=/root PATH={PATH}; cd /root
mkdir -p {PLACE} {LOGS} /etc/killercoda /home/scrapbook/tutorial
printf '%s\\n' http://localhost:PORT > /etc/killercoda/host
[ -e /root/.bash_history ] || ln -s {contract.HISTORY} /root/.bash_history
"""
CHECK = """export HOME=/root; cd /root
lesson=$(mktemp -d /run/lesson.XXXXXX) || exit 70
trap 'rm -rf "$lesson"' EXIT
{write}
{run} > "$lesson/said" 2>&1 < /dev/null && code=0 || code=1
{done}head -c 2000 "$lesson/said" | grep -vx done
exit $code
"""
NEED_DONE = """[ $code = 1 ] || grep -qx done "$lesson/said" || code=1
"""
SAYS_DONE = re.compile(r"""\b(?:echo|printf)[ \t]+(?:-[ne]+[ \t]+)*(["']?)done(?:\\n)?\1[ \t]*(?:$|[;&|)}])""", re.MULTILINE)
FAILS = re.compile(r"\bexit[ \t]+[1-9]|\breturn[ \t]+[1-9]")


def write(path: str, text: str) -> str:
    """Shell lines that write a text to a file and make it a program; `path` is shell code."""
    text = text.rstrip("\n")
    end = f"END-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return f"cat > {path} <<'{end}'\n{text}\n{end}\nchmod 700 {path}\n"


def run(path: str, text: str) -> str:
    """The command that runs such a file."""
    return path if text.startswith("#!") else f"bash {path}"


def background(name: str, text: str) -> str:
    """Start a script that nothing waits for; its output is kept for whoever looks for a fault."""
    text, path = placeholders.inside(text), f"{PLACE}/{name}"
    log = f"{LOGS}/background-{name}.log"
    head = f"export HOME=/root PATH={PATH}; cd /root; mkdir -p {PLACE} {LOGS}\n"
    return f"{head}{write(path, text)}setsid {run(path, text)} > {log} 2>&1 < /dev/null &\n"


def check(text: str) -> str:
    """A verify script as one of our checks: 0 is done, anything else not yet, its words are shown."""
    text, path = placeholders.inside(text), '"$lesson/step"'
    done = NEED_DONE if must_say_done(text) else ""
    return CHECK.format(write=write(path, text).rstrip("\n"), run=run(path, text), done=done)


def must_say_done(text: str) -> bool:
    """Was the script written for the rule that it has to print `done`, and can it fail otherwise?"""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return bool(SAYS_DONE.search(code)) and not FAILS.search(code)


def message(lines: tuple[str, ...]) -> str:
    """What a terminal shows first, as the manifest's `uimessage1` asks."""
    if not lines:
        return ""
    said = "\n".join(f"printf '%s\\n' {shlex.quote(line)}" for line in lines)
    return write("/etc/profile.d/lesson-message.sh", said + "\n").replace("chmod 700", "chmod 644")
