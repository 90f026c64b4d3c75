"""Headers that neither Django nor django-csp sends: what a page of ours never asks a browser for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

NOTHING = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid", "microphone", "midi", "payment",
           "publickey-credentials-get", "serial", "usb")  # fmt: skip
POLICY = ", ".join(f"{name}=()" for name in NOTHING)


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: no camera, no microphone, no device, for us and for whatever a page might embed."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Permissions-Policy"] = POLICY
        return response

    return middleware
