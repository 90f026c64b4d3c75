"""One door: who may write, and what. To everybody else the desk does not exist."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from labsite.desk.models import Draft

PERMISSION = "desk.write_lessons"


def is_author(user: Any) -> bool:
    """May she write lessons here? Guests never."""
    return bool(user.is_authenticated and user.is_active and not user.is_guest and user.has_perm(PERMISSION))


def for_authors(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """404 for others; with a slug in the address, the view is given the author's own draft in its place."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, slug: str = "", **named: Any) -> HttpResponse:
        if not is_author(request.user):
            raise Http404
        if not slug:
            return view(request, *args, **named)
        draft = Draft.objects.filter(slug=slug, author_id=request.user.pk).first()
        if draft is None:
            raise Http404
        return view(request, draft, *args, **named)

    return never_cache(guarded)
