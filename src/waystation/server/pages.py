"""The studio's files, where the API has nothing. They are built into the package; a checkout has to build them."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from waystation.studio import FOLDER, page

_FOR_EVER = "public, max-age=31536000, immutable"
"""The names of files below ``assets/`` change with what is in them."""
_ASK_AGAIN = "no-cache"

_MISSING = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Waystation</title><meta name="viewport" content="width=device-width"></head>
<body>
<h1>Waystation is running</h1>
<p>Its studio is not part of this installation. An installed package has it; in a checkout, build it:</p>
<pre>make studio</pre>
<p>The HTTP API is here: <a href="/api/v1/docs">/api/v1/docs</a>.</p>
</body>
</html>
"""


class Pages:
    """The files of the studio.

    Arguments:
        folder: where they are.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def page(self, request: Request) -> Response:
        """The file of that path; the studio's own page for a path within the studio.

        Raises:
            HTTPException: there is no such file.
        """
        root: str = request.scope.get("root_path", "")
        path = request.scope["path"].removeprefix(root).lstrip("/")
        if not (self._folder / "index.html").is_file():
            return HTMLResponse(_MISSING, 404, headers={"Cache-Control": "no-store"})
        try:
            response = await self._files.get_response(path or "index.html", request.scope)
        except HTTPException:
            if not _is_within(path):
                raise
            path = "index.html"
            response = await self._files.get_response(path, request.scope)
        if root and path in ("", "index.html"):
            response = HTMLResponse(page(root, self._folder))
        response.headers["Cache-Control"] = _FOR_EVER if path.startswith("assets/") else _ASK_AGAIN
        return response


def _is_within(path: str) -> bool:
    """Whether it names a place within the studio, and no file: ids of runs may have dots, but those of files end so."""
    first = path.partition("/")[0]
    return first not in ("api", "assets", "health", "metrics") and "." not in first
