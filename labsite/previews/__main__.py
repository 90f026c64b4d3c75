"""The process that shows previews: `python -m labsite.previews -b ADDRESS -p PORT`."""

import argparse
import asyncio
import os
import signal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labsite.settings")


async def run(address: str, port: int) -> None:
    """Serve until told to end."""
    from labsite.previews.limits import CHUNK
    from labsite.previews.proxy import serve

    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    server = await asyncio.start_server(serve, address, port, limit=CHUNK, backlog=256)
    await ending.wait()
    server.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="labsite.previews", description=__doc__)
    parser.add_argument("-b", "--bind", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, required=True)
    chosen = parser.parse_args()
    django.setup()
    asyncio.run(run(chosen.bind, chosen.port))


if __name__ == "__main__":
    main()
