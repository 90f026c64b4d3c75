"""Pages of recordings: the learner's list, one to look at, its files, its link, its end."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labsite.labs import lessonbook
from labsite.recordings import door, journal
from labsite.recordings.cast import cast
from labsite.recordings.models import Recording


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Everything of hers that is kept."""
    rows = list(request.user.recordings.all()) if request.user.is_authenticated else []
    return render(request, "recordings/mine.html", {"recordings": [(row, title_of(row), _link(request, row)) for row in rows]})


@never_cache
@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """The replay, for its owner."""
    row = _own(request, code)
    return _replay(request, row, reverse("recordings:journal", args=[code]), own=True)


@never_cache
@require_safe
def show_shared(request: HttpRequest, share: str) -> HttpResponse:
    """The replay, for whoever has the link."""
    row = _shared(share)
    response = _replay(request, row, reverse("recordings:shared_journal", args=[share]), own=False)
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _replay(request: HttpRequest, row: Recording, address: str, *, own: bool) -> HttpResponse:
    title = title_of(row)
    files = [(terminal, f"{address.rpartition('/')[0]}/{terminal.replace('/', '-')}.cast") for terminal in row.terminals]
    context = {
        "recording": row,
        "title": title,
        "own": own,
        "link": _link(request, row) if own else "",
        "files": files,
        "boot": {"journal": address, "seconds": row.seconds, "terminals": row.terminals},
    }
    return render(request, "recordings/replay.html", context)


@never_cache
@require_safe
def journal_of(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """The journal, for its owner."""
    return _journal(_own(request, code))


@never_cache
@require_safe
def shared_journal(request: HttpRequest, share: str) -> StreamingHttpResponse:
    """The journal, by the link."""
    return _journal(_shared(share))


def _journal(row: Recording) -> StreamingHttpResponse:
    lines = (journal.line(event) for event in journal.events(row.code))
    return StreamingHttpResponse(lines, content_type="application/x-ndjson")


@never_cache
@require_safe
def cast_of(request: HttpRequest, code: str, machine: str, n: int) -> StreamingHttpResponse:
    """One terminal for asciinema, for its owner."""
    return _cast(_own(request, code), f"{machine}/{n}")


@never_cache
@require_safe
def shared_cast(request: HttpRequest, share: str, machine: str, n: int) -> StreamingHttpResponse:
    """The same, by the link."""
    return _cast(_shared(share), f"{machine}/{n}")


def _cast(row: Recording, terminal: str) -> StreamingHttpResponse:
    if terminal not in row.terminals:
        raise Http404
    lines = cast(journal.events(row.code), terminal, title_of(row), int(row.started_at.timestamp()))
    response = StreamingHttpResponse(lines, content_type="application/x-asciicast")
    name = f"vitrine-{row.code[:8]}-{terminal.replace('/', '-')}.cast"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
def share(request: HttpRequest, code: str) -> HttpResponse:
    """Give it a link, or take the link back."""
    row = _own(request, code)
    if request.POST.get("link") == "off":
        row.unshare()
        messages.success(request, _("The link no longer works."))
    else:
        row.share_it()
    return redirect("recordings:show", code=code)


@require_POST
def delete(request: HttpRequest, code: str) -> HttpResponse:
    """Delete it, row and file."""
    with transaction.atomic():
        _own(request, code).delete()
    messages.success(request, _("The recording is deleted."))
    return redirect("recordings:mine")


def title_of(row: Recording) -> str:
    """The lesson's title, or its path if it was withdrawn."""
    lesson: Any = lessonbook.find(row.lesson)
    return lesson.title if lesson else row.lesson


def _link(request: HttpRequest, row: Recording) -> str:
    return request.build_absolute_uri(reverse("recordings:shared", args=[row.share])) if row.share else ""


def _own(request: HttpRequest, code: str) -> Recording:
    row = door.recording_of(request.user, code)
    if row is None:
        raise Http404
    return row


def _shared(share: str) -> Recording:
    row = door.shared(share)
    if row is None:
        raise Http404
    return row
