"""Addresses of recordings."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from labsite.recordings import views


class ShareConverter(StringConverter):
    """The code of a link: 43 letters of base64url."""

    regex = "[A-Za-z0-9_-]{43}"


register_converter(ShareConverter, "share")

app_name = "recordings"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("shared/<share:share>/", views.show_shared, name="shared"),
    path("shared/<share:share>/journal", views.shared_journal, name="shared_journal"),
    path("shared/<share:share>/<slug:machine>-<int:n>.cast", views.shared_cast, name="shared_cast"),
    path("<slug:code>/", views.show, name="show"),
    path("<slug:code>/journal", views.journal_of, name="journal"),
    path("<slug:code>/<slug:machine>-<int:n>.cast", views.cast_of, name="cast"),
    path("<slug:code>/share/", views.share, name="share"),
    path("<slug:code>/delete/", views.delete, name="delete"),
]
