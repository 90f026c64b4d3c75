"""Addresses of the mixer."""

from django.urls import path

from labsite.mixer import views

app_name = "mixer"
urlpatterns = [
    path("", views.page, name="page"),
    path("start/", views.start, name="start"),
    path("machine/", views.machine, name="machine"),
    path("result/", views.result, name="result"),
]
