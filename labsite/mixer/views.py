"""The mixer's page: choose and expect, start, see."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labsite.accounts.guests import user_or_guest
from labsite.labs import limits, serialize
from labsite.labs.address import client_network
from labsite.labs.api.problems import RETRY_AFTER
from labsite.labs.models import LabSession
from labsite.labs.pages import open_labs
from labsite.mixer import services, telling
from labsite.mixer.forms import MixForm


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The form, and under it what was measured."""
    return render(request, "mixer.html", _context(request))


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Ask for a mix; a visitor becomes a guest."""
    form = MixForm(request.POST)
    if not form.is_valid():
        return render(request, "mixer.html", _context(request, form), status=400)
    address = client_network(request)
    try:
        if not request.user.is_authenticated:
            limits.check_address(address)
        services.start(user_or_guest(request), form.recipe(), form.guesses(), address)
    except limits.LimitError as reached:
        more = {"limit": reached, "open_labs": open_labs(request.user)}
        response = render(request, "mixer.html", _context(request, form) | more, status=429)
        response["Retry-After"] = RETRY_AFTER
        return response
    except services.BusyError:
        return render(request, "mixer.html", _context(request, form) | {"busy": True}, status=409)
    return redirect(reverse("mixer:page") + "#result")


@require_POST
def machine(request: HttpRequest) -> HttpResponse:
    """Set a virtual machine beside the host."""
    if lab := services.lab_of(request.user):
        services.add_machine(lab)
    return redirect(reverse("mixer:page") + "#result")


@never_cache
@require_safe
def result(request: HttpRequest) -> HttpResponse:
    """Only what was measured: the page's script asks for it while something is being made."""
    lab = services.lab_of(request.user)
    for mix in lab.mixes.select_related("lab") if lab else ():
        services.nudge(mix)
    return render(request, "includes/mixer_result.html", telling.result(lab))


def _context(request: HttpRequest, form: MixForm | None = None) -> dict[str, Any]:
    lab = services.lab_of(request.user)
    chosen = telling.chosen(form, lab)
    return {
        "lab": lab,
        "form": form,
        "kinds": telling.kinds(chosen),
        "chosen": chosen,
        "sets": telling.sets(),
        "questions": telling.questions(chosen),
        "live": _live(request, lab) if lab else None,
    } | telling.result(lab)


def _live(request: HttpRequest, lab: LabSession) -> dict[str, str]:
    """Where the page's x-ray finds its socket, and its lab's API."""
    lab_socket = f"{serialize.websocket_base(request)}/ws/labs/{lab.code}/"
    return {"lab": lab_socket, "xray": f"{lab_socket}xray/", "api": f"/api/v1/labs/{lab.code}"}
