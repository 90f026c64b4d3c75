"""Pages of certificates: mine, and the one anybody with the code may see."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labsite.certificates import services
from labsite.certificates.forms import NameForm
from labsite.certificates.models import Certificate, normal


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Hers, what she could have, and the question whether a code is true."""
    if code := normal(request.GET.get("code", "")[:80]):
        if Certificate.objects.filter(code=code).exists():
            return redirect("certificates:show", code=code)
        return render(request, "certificates/mine.html", _context(request) | {"unknown": code}, status=404)
    return render(request, "certificates/mine.html", _context(request))


def _context(request: HttpRequest, form: NameForm | None = None) -> dict:
    signed_in = request.user.is_authenticated
    certificates = list(Certificate.objects.filter(user_id=request.user.pk)) if signed_in else []
    have = {each.subject for each in certificates}
    wanted = [each for each in services.finished(request.user) if each.subject not in have] if signed_in else []
    return {"certificates": certificates, "finished": wanted, "form": form}


@require_POST
def issue(request: HttpRequest) -> HttpResponse:
    """Make one, or change the name on it."""
    form = NameForm(request.POST)
    if not request.user.is_authenticated:
        raise Http404
    if not form.is_valid():
        return render(request, "certificates/mine.html", _context(request, form), status=400)
    certificate = services.issue(request.user, form.cleaned_data["subject"], form.cleaned_data["name"])
    if certificate is None:
        raise Http404
    return redirect("certificates:show", code=certificate.code)


@never_cache
@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """For anybody with the code: the name given, what was finished, the day. Nothing else of the person."""
    certificate = Certificate.objects.filter(code=normal(code)).first()
    if certificate is None:
        raise Http404
    address = request.build_absolute_uri(reverse("certificates:show", args=[certificate.code]))
    own = request.user.is_authenticated and certificate.user_id == request.user.pk
    context = {"certificate": certificate, "address": address, "own": own}
    response = render(request, "certificates/show.html", context)
    response["X-Robots-Tag"] = "noindex"
    return response


@require_POST
def delete(request: HttpRequest, code: str) -> HttpResponse:
    """Take it back: the code is then unknown."""
    certificate = Certificate.objects.filter(code=normal(code), user_id=request.user.pk).first()
    if certificate is None:
        raise Http404
    certificate.delete()
    messages.success(request, _("The certificate is deleted; its code is no longer known."))
    return redirect("certificates:mine")
