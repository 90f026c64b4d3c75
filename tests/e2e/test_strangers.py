"""A lab is its owner's: to a stranger's cookie it does not exist, and another site's page is turned away."""

from __future__ import annotations

import asyncio

import pytest
import websockets

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOCKETS = ["", "box/terminals/1/", "xray/"]


@pytest.fixture
def code(lab) -> str:
    """The code of a lab that is open."""
    return lab.url.split("/labs/")[1].split("/")[0]


@pytest.fixture
def stranger(browser, site, lab):
    """Somebody else, with a lab and so a cookie of his own."""
    context = browser.new_context(base_url=site.url, locale="en-GB")
    page = context.new_page()
    page.goto("/")
    page.get_by_role("button", name="Open a container").click()
    page.wait_for_url("**/labs/**")
    yield page
    page.evaluate("document.querySelector('#end-sheet form[method=post]').submit()")
    page.wait_for_load_state()
    context.close()


def cookies(page) -> str:
    """Her cookies, as a browser sends them."""
    return "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())


def knock(site, path: str, cookie: str, origin: str) -> int:
    """Open a websocket: the HTTP status it was refused with, or the code it was closed with; 0 if it stays open."""

    async def ask() -> int:
        options = {"origin": origin, "additional_headers": {"Cookie": cookie}}
        try:
            async with websockets.connect(f"ws://localhost:{site.ws_port}{path}", **options) as opened:
                async with asyncio.timeout(1):
                    while True:
                        await opened.recv()
        except websockets.InvalidStatus as refused:
            return refused.response.status_code
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code
        except TimeoutError:
            return 0

    return asyncio.run(ask())


def in_thread(function, *args):
    """Playwright's loop runs in this thread; ours needs another."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


@pytest.mark.parametrize("path", ["/labs/{}/", "/api/v1/labs/{}"])
def test_a_stranger_gets_404(stranger, code, path):
    """T-05: The page and the API: not there."""
    assert stranger.request.get(path.format(code)).status == 404


def test_each_socket_knows_its_owner(lab, stranger, site, code):
    """T-04, W-01: Control, terminal, x-ray: open to the owner, closed as unknown to a stranger, refused to another origin."""
    for path in (f"/ws/labs/{code}/{socket}" for socket in SOCKETS):
        owner = in_thread(knock, site, path, cookies(lab), site.url)
        other = in_thread(knock, site, path, cookies(stranger), site.url)
        foreign = [
            in_thread(knock, site, path, cookies(lab), origin)
            for origin in ("https://evil.example", f"http://localhost:{site.port + 1}")
        ]

        assert (owner, other, foreign) == (0, 4404, [403, 403]), path
