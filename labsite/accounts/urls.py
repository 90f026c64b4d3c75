"""Addresses of signing in, up and out."""

from django.urls import path

from labsite.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-up/", views.sign_up, name="sign_up"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
]
