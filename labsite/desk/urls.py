"""Addresses of the desk."""

from django.urls import path

from labsite.desk import history, views

app_name = "desk"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("<slug:slug>/", views.edit, name="edit"),
    path("<slug:slug>/problems", views.check, name="check"),
    path("<slug:slug>/files/", views.files, name="files"),
    path("<slug:slug>/preview/", views.preview, name="preview"),
    path("<slug:slug>/test/", history.test, name="test"),
    path("<slug:slug>/runs/<int:number>/", history.run, name="run"),
    path("<slug:slug>/publish/", history.publish, name="publish"),
    path("<slug:slug>/versions/", history.versions, name="versions"),
    path("<slug:slug>/versions/<int:number>/", history.version, name="version"),
    path("<slug:slug>/versions/<int:number>/roll-back/", history.roll_back, name="roll_back"),
]
