"""Addresses of websockets."""

from django.urls import path

from labsite.labs.consumers import LabConsumer
from labsite.labs.terminal_consumer import TerminalConsumer
from labsite.recordings.consumers import RecordingConsumer
from labsite.xray.consumers import XrayConsumer

websocket_urlpatterns = [
    path("ws/labs/<slug:code>/", LabConsumer.as_asgi()),
    path("ws/labs/<slug:code>/xray/", XrayConsumer.as_asgi()),
    path("ws/labs/<slug:code>/recording/", RecordingConsumer.as_asgi()),
    path("ws/labs/<slug:code>/<slug:sandbox>/terminals/<int:n>/", TerminalConsumer.as_asgi()),
]
