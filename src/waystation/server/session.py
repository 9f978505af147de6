"""A browser's session: its token, kept as a cookie that no script can read and no other site sends."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from waystation.errors import Unauthenticated
from waystation.server.access import COOKIE, with_bearer
from waystation.server.requests import LogIn
from waystation.server.site import Here


async def log_in(site: Here, request: Request, response: Response, body: LogIn) -> None:
    """Keep a token as a cookie. Where no token is needed, nothing is kept."""
    if site.authenticator is None:
        return
    if await site.authenticator.authenticate(with_bearer(request, body.token)) is None:
        raise Unauthenticated("this token is not one that is known, or it does not hold any more")
    response.set_cookie(
        COOKIE, body.token, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )


async def log_out(response: Response) -> None:
    """Forget the cookie. The token itself holds on: revoke it where it was made."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path="/")
