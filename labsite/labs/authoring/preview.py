"""lessons preview: write in your editor, see it in the browser, keep the sandbox.

The page of a lab asks the server every second whether its lesson has changed; if so
it loads itself again, and the terminals go on where they were, since no shell is a child of a
page. A lesson that has a fault while it is being written is not loaded: the page says what is
wrong, and so does this command.
"""

import os
import subprocess
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labsite.labs.authoring import selection
from labsite.labs.authoring.live import stamp_of

HELP = "show a lesson in the browser and load it again whenever it is saved"
LOOK_EVERY = 0.5


def add_arguments(parser: ArgumentParser) -> None:
    """Which lesson, and where the site is."""
    parser.add_argument("lesson", metavar="COURSE/LESSON")
    parser.add_argument(
        "--url", default=settings.ORIGINS[0], help="a site started with VITRINE_PREVIEW=1, if one runs (default: %(default)s)"
    )


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Start the site if none runs; then say at every save what is wrong, until Ctrl-C."""
    wanted = {"lessons": [options["lesson"]], "language": None}
    course, slug = next(iter(selection.wanted([options["lesson"]], selection.Reading())))
    with ExitStack() as ending:
        if not answers(options["url"] + "/healthz"):
            _start_site(ending, options["url"])
        elif not answers(f"{options['url']}/lessons/{course}/{slug}/stamp"):
            raise CommandError(
                f"the site at {options['url']} does not preview {course}/{slug}: end it, or give it VITRINE_PREVIEW=1"
            )
        command.stdout.write(f"{options['url']}/lessons/{course}/{slug}/  (Ctrl-C ends)")
        before = None
        while True:
            now = stamp_of(course, slug)
            if now != before:
                _tell(command, selection.read(wanted))
            before = now
            time.sleep(LOOK_EVERY)


def _tell(command: BaseCommand, found: selection.Reading) -> None:
    for fault in found.faults:
        command.stdout.write(command.style.ERROR(str(fault)))
    if not found.faults:
        command.stdout.write(command.style.SUCCESS(time.strftime("%H:%M:%S in order")))


def answers(url: str) -> bool:
    """Is there an answer?"""
    try:
        with urlopen(url, timeout=3) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _start_site(ending: ExitStack, url: str) -> None:
    """script/server as a child of ours, ended with us."""
    if os.geteuid() != 0:
        raise CommandError(f"no site answers at {url}: start it with sudo script/server, or run this with sudo")
    server = subprocess.Popen([str(settings.BASE_DIR / "script" / "server")], env={**os.environ, "VITRINE_PREVIEW": "1"})
    ending.callback(server.wait)
    ending.callback(server.terminate)
    for _ in range(600):
        if answers(url + "/healthz"):
            return
        if server.poll() is not None:
            raise CommandError(f"script/server ended with status {server.returncode}")
        time.sleep(0.2)
    raise CommandError(f"the site did not answer at {url}")
