"""The API's own description: as OpenAPI, and as a page for people, which loads nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse, Response

from waystation.server import replies

_REFS = "#/components/schemas/{model}"


def describe(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI description of an application, made once."""
    if api.openapi_schema is None:
        api.openapi_schema = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes, tags=api.openapi_tags
        )
        api.openapi_schema["components"]["schemas"]["Problem"] = replies.Problem.model_json_schema(ref_template=_REFS)
    return api.openapi_schema


def openapi_of(api: FastAPI) -> Response:
    """The description, for programs."""
    return JSONResponse(describe(api))


def page_of(api: FastAPI) -> Response:
    """The description, for people."""
    description = describe(api)
    routes = "\n".join(_routes(description))
    schemas = "\n".join(
        f'<details id="{escape(name)}"><summary>{escape(name)}</summary><pre>{_json(schema)}</pre></details>'
        for name, schema in description["components"]["schemas"].items()
    )
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Waystation's HTTP API</title><meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
:root {{ color-scheme: light dark }}
pre {{ overflow-x: auto; padding: .5rem; background: #8882; border-radius: 4px; font-size: 14px }}
summary {{ cursor: pointer; padding: .3rem 0 }}
code {{ font-size: 15px }}
</style></head>
<body>
<h1>Waystation's HTTP API {escape(api.version)}</h1>
<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>
{routes}
<h2>Schemas</h2>
{schemas}
</body>
</html>
"""
    )


def _routes(description: Mapping[str, Any]) -> Iterable[str]:
    by_tag: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, route in cast("Mapping[str, Mapping[str, Any]]", methods).items():
            by_tag.setdefault(route["tags"][0], []).append(_route(method, path, route))
    for tag, routes in by_tag.items():
        yield f"<h2>{escape(tag.capitalize())}</h2>"
        yield from routes


def _route(method: str, path: str, route: Mapping[str, Any]) -> str:
    asked = "".join(
        f"<li><code>{escape(each['name'])}</code> ({escape(each['in'])}) {escape(each.get('description', ''))}</li>"
        for each in route.get("parameters", ())
    )
    body = route.get("requestBody")
    given = "".join(
        f"<li>{escape(status)} {escape(reply['description'])}</li>" for status, reply in route["responses"].items()
    )
    return (
        f"<details><summary><code>{method.upper()} {escape(path)}</code> {escape(route['summary'])}</summary>"
        f"<p>{escape(route.get('description', ''))}</p><p>Who may: {escape(str(route['x-waystation-who']))}</p>"
        f"<ul>{asked}</ul>{'' if body is None else f'<pre>{_json(body)}</pre>'}<ul>{given}</ul></details>"
    )


def _json(data: object) -> str:
    return escape(json.dumps(data, indent=2))
