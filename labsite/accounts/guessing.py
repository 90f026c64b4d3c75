"""Guessing that is spread out: one account from many addresses, or many accounts from one.

django-axes stops who tries one account from one address. It keeps a row for each such pair; here the rows are
added up, with limits wide enough that a class behind one address may mistype, and that nobody can be
locked out of her account by a few wrong guesses of a stranger.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.helpers import get_client_ip_address
from axes.models import AccessAttempt
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone


class WideNet:
    """An authentication backend, before all others: knows nobody, may refuse."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **credentials: Any) -> None:
        """PermissionDenied, which ends the sign-in, if the account or the address has had its share."""
        if request is None or not username:
            return
        since = timezone.now() - timedelta(hours=settings.AXES_COOLOFF_TIME)
        recent = AccessAttempt.objects.filter(attempt_time__gte=since)
        address = get_client_ip_address(request)
        account_tried = _wrong(recent.filter(username=username)) >= settings.GUESSES_PER_ACCOUNT
        address_tried = bool(address) and _wrong(recent.filter(ip_address=address)) >= settings.GUESSES_PER_ADDRESS
        if account_tried or address_tried:
            request.axes_locked_out = True  # type: ignore[attr-defined]
            raise PermissionDenied


def _wrong(attempts: QuerySet[AccessAttempt]) -> int:
    return attempts.aggregate(wrong=Sum("failures_since_start"))["wrong"] or 0
