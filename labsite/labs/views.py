"""Pages of a lab: open, show, end."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labsite.accounts.guests import user_or_guest
from labsite.labs import access, lessonbook, limits, serialize, services
from labsite.labs.address import client_network
from labsite.labs.api.problems import RETRY_AFTER
from labsite.labs.limits import LimitError
from labsite.labs.pages import lesson_context, open_labs, terms_of

WITHOUT_LESSON = {"mixer": "mixer:page"}  # labs that another page shows


@require_POST
def open_lab(request: HttpRequest) -> HttpResponse:
    """Open a lab for the lesson named in the form; a visitor becomes a guest."""
    lesson = lessonbook.find(request.POST.get("lesson", ""))
    if lesson is None:
        raise Http404
    address = client_network(request)
    try:
        if not request.user.is_authenticated:
            limits.check_address(address)
        lab = services.open_lab(user_or_guest(request), lesson, address)
    except LimitError as reached:
        mine = open_labs(request.user)
        context = lesson_context(request, lesson) | {"limit": reached, "open_labs": mine, "labs_per_user": settings.LABS_PER_USER}
        response = render(request, "lesson.html", context, status=429)
        response["Retry-After"] = RETRY_AFTER
        return response
    return redirect("labs:show", code=lab.code)


@never_cache
@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """The page people live in."""
    lab = access.lab_for(request.user, code)
    if lab and lab.lesson in WITHOUT_LESSON:
        return redirect(WITHOUT_LESSON[lab.lesson])
    lesson = lessonbook.of_lab(lab) if lab else None
    if lab is None or lesson is None:
        raise Http404
    context = {"lab": lab, "lesson": lesson, "terms": terms_of(lesson), "boot": serialize.boot(request, lab)}
    return render(request, "lab.html", context)


@require_POST
def end(request: HttpRequest, code: str) -> HttpResponse:
    """End the lab and go back to its lesson, or to where the form says."""
    lab = access.lab_for(request.user, code)
    if lab is None:
        raise Http404
    services.end_lab(lab, "user")
    course, _, slug = lab.lesson.partition("/")
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    home = reverse("lessons:show", args=[course, slug]) if slug and lessonbook.find(lab.lesson) else reverse("home")
    return redirect(wanted if ours else home)
