"""Addresses of lessons as pages to read, and of the pictures in foreign ones."""

from django.urls import path

from labsite.labs import pages, pictures
from labsite.labs.authoring import live

app_name = "lessons"
urlpatterns = [
    path("<slug:course>/glossary/", pages.glossary, name="glossary"),
    path("<slug:course>/<slug:lesson>/", pages.lesson, name="show"),
    path("<slug:course>/<slug:lesson>/stamp", live.stamp, name="stamp"),
    path("<slug:course>/<slug:lesson>/files/<path:name>", pictures.show, name="picture"),
]
