"""Addresses of certificates."""

from django.urls import path

from labsite.certificates import views

app_name = "certificates"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("issue/", views.issue, name="issue"),
    path("<slug:code>/", views.show, name="show"),
    path("<slug:code>/delete/", views.delete, name="delete"),
]
