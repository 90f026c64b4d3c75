"""The desk's versions: tested, published, compared, rolled back."""

import difflib
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from labsite.desk import problems, services
from labsite.desk.access import for_authors
from labsite.desk.folders import Files, Refused
from labsite.desk.models import Draft, TestRun

MOST_LINES = 3000


@require_POST
@for_authors
def test(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Begin a test of the newest version, and show its log."""
    try:
        started = services.test(request.user, draft.newest)  # type: ignore[arg-type]
    except Refused as error:
        messages.error(request, str(error))
        return redirect("desk:edit", slug=draft.slug)
    return redirect("desk:run", slug=draft.slug, number=started.pk)


@require_safe
@for_authors
def run(request: HttpRequest, draft: Draft, number: int) -> HttpResponse:
    """The log of a test; as JSON from line `since` on, for a page that follows it."""
    found = get_object_or_404(TestRun.objects.select_related("version"), pk=number, version__draft=draft)
    since = request.GET.get("since", "")
    if since.isdecimal():
        return JsonResponse({"state": found.state, "settled": found.settled, "lines": found.lines[int(since[:6]) :]})
    return render(request, "desk/run.html", {"draft": draft, "run": found})


@require_POST
@for_authors
def publish(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Show the newest version to everybody, or take the lesson off the map."""
    if request.POST.get("withdraw"):
        services.withdraw(draft)
        messages.info(request, _("The lesson is no longer on the map. Labs that run go on."))
        return redirect("desk:edit", slug=draft.slug)
    version = draft.newest
    if problems.stops(services.publish(version)):
        messages.error(request, _("Not published: mend the problems below first."))
    else:
        messages.success(request, _("Version %(n)s is published.") % {"n": version.number})
    return redirect("desk:edit", slug=draft.slug)


@require_safe
@for_authors
def versions(request: HttpRequest, draft: Draft) -> HttpResponse:
    """All versions, newest first, each with its last test."""
    rows = [(each, each.runs.first()) for each in draft.versions.prefetch_related("runs")]
    return render(request, "desk/versions.html", {"draft": draft, "rows": rows})


@require_safe
@for_authors
def version(request: HttpRequest, draft: Draft, number: int) -> HttpResponse:
    """What differs between a version and the newest, or another that is named."""
    chosen = get_object_or_404(draft.versions, number=number)
    against = request.GET.get("against", "")
    other = draft.versions.filter(number=int(against[:9])).first() if against.isdecimal() else draft.newest
    if other is None:
        raise Http404
    changes = compare(services.files_of(chosen), services.files_of(other))
    return render(request, "desk/version.html", {"draft": draft, "version": chosen, "other": other, "changes": changes})


@require_POST
@for_authors
def roll_back(request: HttpRequest, draft: Draft, number: int) -> HttpResponse:
    """The files of an old version, as a new one: nothing is lost by going back."""
    chosen = get_object_or_404(draft.versions, number=number)
    try:
        services.save(draft, services.files_of(chosen), f"rolled back to {number}")
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The draft is again as version %(n)s was.") % {"n": number})
    return redirect("desk:edit", slug=draft.slug)


def compare(old: Files, new: Files) -> list[dict[str, Any]]:
    """For each file that differs: its name and its lines, each with what became of it."""
    found = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            found.append({"name": name, "lines": _lines(old.get(name, b""), new.get(name, b""))})
    return found


def _lines(old: bytes, new: bytes) -> list[tuple[str, str]]:
    if b"\0" in old + new:
        return [("same", _("%(old)s bytes became %(new)s.") % {"old": len(old), "new": len(new)})]
    before, after = (data.decode("utf-8", "replace").splitlines()[:MOST_LINES] for data in (old, new))
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return [(kinds.get(line[:1], "same"), line) for line in lines]
