"""Addresses of previews on the site; `-` for the machine is the lesson's first."""

from django.urls import path

from labsite.previews import views

app_name = "previews"
urlpatterns = [
    path("<slug:code>/<str:machine>/<int:port>/", views.enter, name="enter"),
    path("<slug:code>/<str:machine>/<int:port>/<path:path>", views.enter, name="enter_path"),
]
