"""The HTTP API, and the server that serves it with the studio. Needs ``waystation[server]``."""

from waystation.server.access import SCOPES, Authenticator, Principal, Scope
from waystation.server.application import make_asgi, make_router
from waystation.server.site import Limits

__all__ = [
    "SCOPES",
    "Authenticator",
    "Limits",
    "Principal",
    "Scope",
    "make_asgi",
    "make_router",
]
