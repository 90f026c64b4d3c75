"""Addresses of lessons as pages to read."""

from django.urls import path

from labsite.labs import pages

app_name = "lessons"
urlpatterns = [path("<slug:course>/<slug:lesson>/", pages.lesson, name="show")]
