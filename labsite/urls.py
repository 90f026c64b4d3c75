"""Addresses of the site. Websockets are in `routing`."""

from django.contrib import admin
from django.urls import include, path

from labsite.accounts.views import set_language
from labsite.labs import pages, probes, source

handler500 = "labsite.outage.broken"

urlpatterns = [
    path("", pages.home, name="home"),
    path("lessons/", include("labsite.labs.lesson_urls")),
    path("labs/", include("labsite.labs.urls")),
    path("ports/", include("labsite.previews.urls")),
    path("desk/", include("labsite.desk.urls")),
    path("mixer/", include("labsite.mixer.urls")),
    path("recordings/", include("labsite.recordings.urls")),
    path("certificates/", include("labsite.certificates.urls")),
    path("api/v1/", include("labsite.labs.api.urls")),
    path("accounts/", include("labsite.accounts.urls")),
    path("language/", set_language, name="set_language"),
    path("source/", source.contents, name="source_contents"),
    path("source/<path:name>", source.show, name="source"),
    path("admin/", admin.site.urls),
    path("healthz", probes.healthz, name="healthz"),
    path("metrics", probes.metrics, name="metrics"),
]
