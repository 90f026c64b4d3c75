"""Sign in, sign up, sign out, and the choice of language."""

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_http_methods, require_POST

from labsite.accounts.forms import SignUpForm
from labsite.accounts.models import User
from labsite.accounts.signals import guest_joined

PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    """Django's sign-in; django-axes slows down guessing."""

    template_name = "accounts/sign_in.html"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in; what she did as a guest in this browser comes along."""
        guest = guest_of(self.request)
        answer = super().form_valid(form)
        if guest:
            join(guest, form.get_user())
        return answer


class SignOut(LogoutView):
    """Django's sign-out, by POST."""


def refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: our own page instead of Django's."""
    return render(request, "403.html", status=403)


@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """A new account; a guest's row becomes the account, and her progress stays."""
    guest = guest_of(request)
    form = SignUpForm(request.POST or None, instance=guest, initial={"username": ""})
    if request.method == "POST" and form.is_valid():
        login(request, form.save(), backend=PASSWORD_BACKEND)
        return redirect(next_address(request))
    if guest and request.method == "POST":
        guest.refresh_from_db()  # a refused form has already written on the instance
    return render(request, "accounts/sign_up.html", {"form": form, "next": next_address(request)})


def guest_of(request: HttpRequest) -> User | None:
    """The guest of this browser, if it has one."""
    user = request.user
    return user if isinstance(user, User) and user.is_guest else None


@transaction.atomic
def join(guest: User, user: User) -> None:
    """Give all a guest has to the account, and forget the guest."""
    guest_joined.send(User, guest=guest, user=user)
    guest.delete()


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember a language in a cookie and go back to the same page."""
    response = redirect(next_address(request))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=31_536_000, samesite="Lax", secure=settings.HTTPS)
    return response


def next_address(request: HttpRequest) -> str:
    """Where to go afterwards: `next`, or the page she came from, if it is ours."""
    for url in (request.POST.get("next"), request.GET.get("next"), request.headers.get("Referer")):
        if url and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
            return url
    return "/"
