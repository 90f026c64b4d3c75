"""Addresses of labs as pages."""

from django.urls import path

from labsite.labs import views

app_name = "labs"
urlpatterns = [
    path("", views.open_lab, name="open"),
    path("<slug:code>/", views.show, name="show"),
    path("<slug:code>/end/", views.end, name="end"),
]
