"""Answers of our own on a preview's origin: short pages without script, in the reader's language."""

from html import escape

from django.utils.translation import gettext, override
from django.utils.translation import gettext_noop as _

from labsite.previews.heads import OURS, Headers, named

WORDS = {
    400: _("The request could not be read."),
    403: _("The preview does not allow this."),
    404: _("There is no such preview. Open it from the lesson; it ends with the lab."),
    405: _("The preview does not allow this method."),
    413: _("The request is too large: at most 16 MiB go through a preview."),
    429: _("Too many connections to this preview at once."),
    431: _("The head of the request is too large."),
    501: _("The request could not be read."),
    502: _("No server answers on port {port} of {machine}. Start it in the terminal, then reload this page."),
    504: _("The server on port {port} of {machine} takes too long."),
    507: _("The answer of the server is too large or cannot be read: at most 64 MiB go through a preview."),
}
FENCE = (b"Content-Security-Policy", b"default-src 'none'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")


class RefusedError(Exception):
    """The end of a request, with what to say."""

    def __init__(self, status: int, **values: object) -> None:
        super().__init__(status)
        self.status, self.values = status, values


def page(refused: RefusedError, headers: Headers) -> tuple[int, Headers, bytes]:
    """Status, head and body. 507 is for our own words; browsers are told 502."""
    chinese = b"".join(named(headers, b"accept-language")[:1]).lower().startswith(b"zh")
    with override("zh-hans" if chinese else "en"):
        text = gettext(WORDS[refused.status]).format(**refused.values)
        title = gettext("Preview")
    language = "zh-Hans" if chinese else "en"
    head = f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    view = '<meta name="viewport" content="width=device-width">'
    body = f"{head}{view}<title>{escape(title)}</title><h1>{escape(title)}</h1><p>{escape(text)}</p></html>".encode()
    own = [pair for pair in OURS if pair[0] != FENCE[0]]
    status = {507: 502}.get(refused.status, refused.status)
    kept: Headers = [
        (b"Content-Type", b"text/html; charset=utf-8"), (b"Content-Length", str(len(body)).encode()),
        (b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff"), (b"Connection", b"close"), FENCE, *own,
    ]  # fmt: skip
    return status, kept, body
