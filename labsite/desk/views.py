"""The desk's pages: my lessons, one lesson's text and files, its preview."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from labsite.desk import problems, services, vocabulary
from labsite.desk.access import for_authors
from labsite.desk.folders import LARGEST, TEXTS, Files, Refused, judge
from labsite.desk.forms import BeginForm, TextForm
from labsite.desk.models import Draft
from labsite.labs.address import client_network
from labsite.labs.limits import LimitError
from lessons import editions


@require_http_methods(["GET", "POST"])
@for_authors
def mine(request: HttpRequest) -> HttpResponse:
    """The author's lessons, and the form that begins one."""
    form = BeginForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            files, note = form.contents()
            draft = services.begin(request.user, form.cleaned_data["slug"], files, note)  # type: ignore[arg-type]
            return redirect("desk:edit", slug=draft.slug)
        except Refused as error:
            form.add_error(None, str(error))
    drafts = Draft.objects.filter(author_id=request.user.pk).select_related("published")
    status = 400 if form.is_bound else 200
    return render(request, "desk/mine.html", {"form": form, "drafts": drafts, "course": editions.COURSE}, status=status)


@require_http_methods(["GET", "POST"])
@for_authors
def edit(request: HttpRequest, draft: Draft) -> HttpResponse:
    """One file's text, the problems, and the buttons. A form, so that it works without any script."""
    form = TextForm(request.POST or None)
    name = request.GET.get("file", "lesson.md")
    files = services.files_of(draft.newest)
    if request.method == "GET":
        return render(request, "desk/edit.html", _context(draft, files, name))
    if not form.is_valid():
        return render(request, "desk/edit.html", _context(draft, files, "lesson.md") | {"refused": form.errors}, status=400)
    name, text = form.cleaned_data["name"], form.cleaned_data["text"]
    changed = files | {name: text.encode()}
    try:
        services.save(draft, judge(changed), "edited", form.cleaned_data["seen"])
    except Refused as error:
        return render(request, "desk/edit.html", _context(draft, changed, name) | {"refused": str(error)}, status=409)
    if then := request.POST.get("then"):
        return _then(request, draft, then)
    return redirect(_address(draft, name))


def _then(request: HttpRequest, draft: Draft, then: str) -> HttpResponse:
    """Save and go on: the same button does both."""
    from labsite.desk import history

    doing = {"preview": preview, "test": history.test, "publish": history.publish}.get(then)
    return doing(request, slug=draft.slug) if doing else redirect("desk:edit", slug=draft.slug)


def _context(draft: Draft, files: Files, name: str) -> dict[str, Any]:
    text = _text(files, name)
    if name not in files and name not in TEXTS.values():
        raise Http404
    return {
        "draft": draft,
        "version": draft.newest,
        "name": name,
        "text": text,
        "files": [{"name": each, "size": len(data), "is_text": _text(files, each) is not None} for each, data in files.items()],
        "texts": TEXTS.values(),
        "problems": problems.find(draft.slug, files),
        "run": draft.last_run,
        "data": {"check": reverse("desk:check", args=[draft.slug]), "file": name, "words": vocabulary.words()},
        "course": editions.COURSE,
    }


def _text(files: Files, name: str) -> str | None:
    """The text of a file; None for bytes that are none."""
    try:
        return files.get(name, b"").decode()
    except UnicodeDecodeError:
        return None


def _address(draft: Draft, name: str) -> str:
    """The page of one of its files. Names are plain: nothing in them needs quoting."""
    return reverse("desk:edit", args=[draft.slug]) + ("" if name == "lesson.md" else f"?file={name}")


@require_POST
@for_authors
def check(request: HttpRequest, draft: Draft) -> HttpResponse:
    """What the linter says of a text that is not saved yet."""
    form = TextForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"problems": [], "refused": str(form.errors.as_text())}, status=400)
    files = services.files_of(draft.newest) | {form.cleaned_data["name"]: form.cleaned_data["text"].encode()}
    try:
        return JsonResponse({"problems": problems.find(draft.slug, files)})
    except Refused as error:
        return JsonResponse({"problems": [], "refused": str(error)}, status=400)


@require_POST
@for_authors
def files(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Lay a file beside the lesson, or take one away; each is a new version."""
    found = services.files_of(draft.newest)
    sent, gone = request.FILES.get("upload"), request.POST.get("remove", "")
    try:
        if sent is not None:
            name = "/".join(part for part in (request.POST.get("directory", "").strip("/"), sent.name) if part)
            services.save(draft, judge(found | {name: sent.read(LARGEST + 1)}), f"added {name}"[:80])
        elif gone in found and gone != "lesson.md":
            services.save(draft, {each: data for each, data in found.items() if each != gone}, f"removed {gone}"[:80])
        else:
            raise Refused(_("Choose a file first."))
    except Refused as error:
        messages.error(request, str(error))
    return redirect("desk:edit", slug=draft.slug)


@require_POST
@for_authors
def preview(request: HttpRequest, draft: Draft) -> HttpResponse:
    """The draft as a real lab, for its author."""
    try:
        lab = services.look_at(request.user, draft.newest, client_network(request))  # type: ignore[arg-type]
    except LimitError:
        messages.error(request, _("You have as many labs open as you may have: end one first."))
        return redirect("desk:edit", slug=draft.slug)
    if lab is None:
        messages.error(request, _("The lesson cannot be read yet: see the problems below."))
        return redirect("desk:edit", slug=draft.slug)
    return redirect("labs:show", code=lab.code)
