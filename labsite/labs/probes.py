"""For machines that watch this one: /healthz and /metrics."""

from ipaddress import ip_address

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from labsite.labs import gateway
from labsite.labs.address import client_address
from labsite.labs.models import LabSession, Sandbox, Status


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 if the database, Redis and the spawner answer, else 503 saying which does not."""
    parts = {"database": _database(), "redis": _redis(), "spawner": gateway.ping()}
    healthy = all(parts.values())
    return JsonResponse({"healthy": healthy, **parts}, status=200 if healthy else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis() -> bool:
    try:
        cache.set("healthz", 1, timeout=5)
    except (OSError, RedisError):
        return False
    return True


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Counts in Prometheus' text format; nothing about any person, and for watchers only."""
    if not may_watch(request):
        raise Http404
    found = dict(Sandbox.objects.order_by().values_list("status").annotate(Count("pk")))
    lines = ["# HELP vitrine_sandboxes Sandboxes by status.", "# TYPE vitrine_sandboxes gauge"]
    lines += [f'vitrine_sandboxes{{status="{status}"}} {found.get(status, 0)}' for status in Status.values]
    lines += ["# HELP vitrine_labs_open Labs that have not ended.", "# TYPE vitrine_labs_open gauge"]
    lines += [f"vitrine_labs_open {LabSession.objects.filter(ended_at=None).count()}"]
    lines += _start_summary()
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def may_watch(request: HttpRequest) -> bool:
    """Has it the token of the settings, or, if there is none, does it come from this machine?

    What a proxy passed on came from elsewhere, unless VITRINE_TRUSTED_PROXIES lets us know better.
    """
    if settings.METRICS_TOKEN:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}")
    if "X-Forwarded-For" in request.headers and not settings.TRUSTED_PROXIES:
        return False
    address = client_address(request)
    return address is not None and ip_address(address).is_loopback


def _start_summary() -> list[str]:
    """How long the last hundred starts took, from the request to running."""
    recent = Sandbox.objects.exclude(started_at=None).order_by("-started_at")[:100]
    seconds = sorted((each.started_at - each.requested_at).total_seconds() for each in recent)
    lines = ["# HELP vitrine_start_seconds Request to running, last 100.", "# TYPE vitrine_start_seconds summary"]
    for quantile in (0.5, 0.95) if seconds else ():
        value = seconds[min(len(seconds) - 1, int(quantile * len(seconds)))]
        lines.append(f'vitrine_start_seconds{{quantile="{quantile}"}} {value:.4f}')
    return [*lines, f"vitrine_start_seconds_sum {sum(seconds):.4f}", f"vitrine_start_seconds_count {len(seconds)}"]
