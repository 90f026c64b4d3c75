"""The ASGI application: pages by Django, websockets by Channels.

Two Daphne processes run this same code, one for pages and one for sockets: a page that
computes for 30 ms would otherwise delay every keystroke by as much.
"""

import gc
import os
import sys

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labsite.settings")
http_application = get_asgi_application()  # loads the apps; the imports below need them

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from labsite.origin import ExactOrigin  # noqa: E402
from labsite.routing import websocket_urlpatterns  # noqa: E402
from labsite.wire import WithWire  # noqa: E402

# Threads hand over sooner than Python's 5 ms, for the sake of keystrokes.
sys.setswitchinterval(0.0005)

application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": WithWire(ExactOrigin(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))),
    }
)

# What was loaded stays for good. The collector need not look at it again: a full look takes tens of
# milliseconds, in the middle of somebody's typing.
gc.collect()
gc.freeze()
