"""The API's own description: complete, true of what is answered, and a source of requests that nobody thought of."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel, TypeAdapter
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.requests import Request

from tests.server.stock import DOC, MARK, app_in, asked
from waystation.server import Principal, replies, requests
from waystation.server.application import make_asgi, make_site
from waystation.server.description import describe
from waystation.server.serving import Server, address_of, listening

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION: dict[str, Any] = describe(make_asgi(app_in()))
ENDLESS = {"GET /api/v1/stream", "GET /api/v1/runs/{run_id}/stream"}


class Nobody:
    async def authenticate(self, request: Request) -> Principal | None:
        return None


# ------------------------------------------------------------------ what it says


def routes(description: dict[str, Any] = DESCRIPTION) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", route)
        for path, methods in description["paths"].items()
        for method, route in methods.items()
    ]


def test_every_route_says_what_it_does_takes_gives_and_refuses() -> None:
    for name, route in routes():
        assert route["summary"], name
        assert len(route["description"]) > 10, name
        good = [status for status in route["responses"] if status.startswith("2")]
        assert len(good) == 1, name
        reply = route["responses"][good[0]]
        assert ("content" in reply) == (good[0] != "204"), name
        for status, refused in route["responses"].items():
            if status not in good:
                assert refused["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }, (name, status)
        if body := route.get("requestBody"):
            assert set(body["content"]) == {"application/json"}, name
            assert {"403", "413", "415", "422"} <= set(route["responses"]), name


def test_models_of_requests_and_of_replies_refuse_what_they_do_not_know() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    open_on_purpose = {"Problem", "JournalEntry", "WorkflowDescription"}
    lax = {
        name
        for name, schema in schemas.items()
        if schema["type"] == "object" and schema.get("additionalProperties") is not False
    }
    assert lax - open_on_purpose == {"HTTPValidationError", "ValidationError"} & lax


def test_every_body_and_the_main_replies_have_an_example_that_fits() -> None:
    given_examples = 0
    for module in (requests, replies):
        for name in dir(module):
            model = getattr(module, name)
            if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel:
                for example in model.model_json_schema().get("examples", []):
                    TypeAdapter(model).validate_python(example)
                    given_examples += 1
    assert given_examples >= 20
    for name, route in routes():
        if body := route.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            reference = schema.get("$ref") or next(each["$ref"] for each in schema["anyOf"] if "$ref" in each)
            assert DESCRIPTION["components"]["schemas"][reference.rpartition("/")[2]]["examples"], name


def test_with_an_authenticator_it_says_how_one_is_known() -> None:
    described = describe(make_asgi(app_in(), auth=Nobody()))
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for name, route in routes(described):
        assert ("security" in route) == (route["x-waystation-who"] not in ("anyone", "cookie")), name
        assert ("401" in route["responses"]) == ("security" in route or name == "POST /api/v1/session"), name


@pytest.mark.anyio
async def test_the_page_for_people_shows_every_route_and_loads_nothing_from_elsewhere() -> None:
    async with asked() as client:
        page = (await client.get("/api/v1/docs")).text
        for name, _ in routes():
            assert f"<code>{name}</code>" in page
        assert "<script" not in page
        assert "src=" not in page
        assert "://" not in page.replace("http://www.w3.org", "")


def test_the_page_of_the_guide_names_every_route_with_its_scope_and_no_other() -> None:
    page = (ROOT / "docs/guide/http-api.md").read_text(encoding="utf-8").split("## Routes")[1].split("Outside of")[0]
    told: dict[str, str] = {}
    for methods, paths, scope in re.findall(r"^\| ([A-Z, ]+) \| (.*) \| ([^|]*) \|$", page, flags=re.MULTILINE):
        for path in re.findall(r"`(/[^`]*)`", paths):
            told |= {f"{method} /api/v1{path}": scope for method in methods.split(", ")}
    who = {"anyone known": "known", "anyone, for a cookie": "cookie"}
    assert {name: who.get(scope, scope) for name, scope in told.items()} == {
        name: route["x-waystation-who"] for name, route in routes() if "/api/v1/" in name
    }


# ------------------------------------------------------------------ requests that nobody thought of


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """A server with a few runs, in a thread."""
    site = make_site(app_in(), auth=None, hosts=(), origins=(), limits=None)
    ready = threading.Event()
    server = Server(site, studio=False, on_ready=lambda _: ready.set())
    with listening("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            assert ready.wait(10)
            with httpx.Client(base_url=address_of(listener), headers=MARK) as client:
                body = {"input": DOC, "run_id": "r1", "wait_seconds": 10}
                assert client.post("/api/v1/workflows/approval/start", json=body).status_code == 201
            yield address_of(listener)
        finally:
            server.should_exit = True
            thread.join()


Operation: TypeAlias = APIOperation[Any, Any, Any, Any]


def operations() -> Iterator[tuple[Operation, GenerationMode]]:
    """Each, with requests that fit its description; and with such that do not, if it takes anything."""
    for found in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.label not in ENDLESS:
            yield operation, GenerationMode.POSITIVE
            if operation.body or any(operation.query) or any(operation.headers):
                yield operation, GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    ("operation", "mode"), list(operations()), ids=lambda each: getattr(each, "label", None) or each.value
)
def test_no_request_brings_the_server_to_answer_what_it_does_not_describe(
    operation: Operation, mode: GenerationMode, url: str
) -> None:
    known = {"run_id": "r1", "workflow_id": "approval", "schedule_id": "monthly/first"}

    @settings(
        max_examples=8,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case[Any]) -> None:
        reply = case.call(base_url=url, headers=MARK)
        # Data of a workflow's own, and the cursor of a list, are described as anything: what does not fit is refused.
        is_own = reply.status_code in (400, 422) and reply.json()["code"] not in ("bad_request", "invalid_request")
        case.validate_response(reply, excluded_checks=[positive_data_acceptance] if is_own else None)
        for name in known.keys() & case.path_parameters.keys():
            case.path_parameters[name] = known[name]
        reply = case.call(base_url=url, headers=MARK)
        assert reply.status_code < 500, reply.text

    check()
