"""Every command does and prints the same on an app here as on a server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.called import Said, waystation
from tests.cli.spots import Spot, here, there, timeless
from waystation import RunResult
from waystation.client import Client
from waystation.server import TokenAuthenticator, TokenFile

DOC = '{"document_id": "DOC-1"}'

SCRIPT: tuple[tuple[str, ...], ...] = (
    ("workflows",),
    ("graph", "approval"),
    ("tools",),
    ("agents",),
    ("schedules", "list"),
    ("runs",),
    ("pending",),
    ("run", "approval", "--run-id", "r1", "--input", DOC, "--resource", "order-1", "--idempotency-key", "k1"),
    ("run", "approval", "--input", DOC, "--idempotency-key", "k1"),
    ("run", "approval", "--run-id", "r1", "--input", DOC),
    ("run", "approval", "--input", '{"document_id": 1}'),
    ("run", "aproval", "--input", DOC),
    ("pending", "--workflow", "approval", "--run", "r1"),
    ("show", "r1"),
    ("resume", "r1", "--data", '{"approved": 7}'),
    ("resume", "r1", "--data", '{"approved": true}', "--step", "review", "--idempotency-key", "a1"),
    ("resume", "r1", "--data", '{"approved": true}', "--step", "review", "--idempotency-key", "a1"),
    ("resume", "r1", "--data", '{"approved": false}'),
    ("show", "r1"),
    ("events", "r1"),
    ("events", "r1", "--after", "4.1"),
    ("events", "r1", "--follow", "--after", "6"),
    ("journal", "r1"),
    ("journal", "r1", "--after", "4"),
    ("watch", "r1"),
    ("create", "adding", "--run-id", "c1"),
    ("start", "c1", "--input", "1", "--per-step"),
    ("start", "c1", "--input", "1"),
    ("proceed", "c1"),
    ("fork", "c1", "--from", "again", "--input", "40", "--run-id", "f1"),
    ("restart", "f1"),
    ("run", "refusing", "--run-id", "bad", "--input", "1"),
    ("run", "waiting", "--run-id", "w1", "--input", "1", "--no-wait"),
    ("send", "decided", "--data", '{"approved": true}', "--run", "w1"),
    ("send", "decided", "--data", '{"approved": true}'),
    ("send", "paid"),
    ("run", "approval", "--run-id", "r2", "--input", DOC),
    ("cancel", "r2", "--reason", "ordered twice", "--grace", "1s"),
    ("runs", "--status", "success", "--status", "cancelled", "--since", "1h"),
    ("runs", "--resource", "order-1"),
    ("runs", "--until", "2020-01-01"),
    ("delete", "r2", "--yes"),
    ("show", "r2"),
    ("delete", "r2", "--yes"),
    ("schedules", "pause", "nightly"),
    ("schedules", "resume", "nightly"),
    ("schedules", "pause", "hourly"),
)
"""Calls, one after another, each on what the ones before have made."""


ENDS = {
    ("run", "aproval", "--input", DOC): 4,
    ("run", "approval", "--input", '{"document_id": 1}'): 5,
    ("pending",): 0,
    ("proceed", "c1"): 0,
    ("run", "refusing", "--run-id", "bad", "--input", "1"): 1,
    ("cancel", "r2", "--reason", "ordered twice", "--grace", "1s"): 1,
    ("send", "paid"): 4,
    ("show", "r2"): 4,
    ("schedules", "pause", "hourly"): 4,
    ("start", "c1", "--input", "1", "--per-step"): 3,
}
"""How some of them end, so that the two places are not wrong alike."""

ACTING = {"run", "create", "start", "resume", "cancel", "restart", "proceed", "fork", "send", "delete"}


def played(spot: Spot, *more: str, actor: str | None = None) -> dict[tuple[str, ...], list[tuple[int, object, str]]]:
    """What each call of the script told: its exit code, what it printed, and what it said beside."""
    told: dict[tuple[str, ...], list[tuple[int, object, str]]] = {}
    for call in SCRIPT:
        if "--json" in more and call[0] == "watch":
            continue
        said = spot(*call, *more, *(["--actor", actor] if actor and call[0] in ACTING else []))
        out, err = timeless(said.out), timeless(said.err)
        out = out.replace(f" {shlex.join(spot.options)}", "")  # where to answer it
        err = err.replace("it goes on when an app that stays takes it over\n", "")  # which a server does itself
        try:
            data: object = json.loads(out)  # in which the order of names means nothing
        except ValueError:
            data = out
        told.setdefault(call, []).append((said.code, data, err))
    return told


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["for people", "for programs"])
def test_a_command_does_the_same_on_an_app_here_and_on_a_server(more: tuple[str, ...], tmp_path: Path) -> None:
    by_app = played(
        here(tmp_path / "here.db"), *more, actor="local"
    )  # as whoever asks a server without tokens is called
    with there() as server:
        by_server = played(server, *more)
    for call in by_app:
        assert (call, by_app[call]) == (call, by_server[call])
    assert {call: by_app[call][0][0] for call in ENDS} == ENDS


# --------------------------------------------------------------------------- which place


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("WAYSTATION_URL", "WAYSTATION_TOKEN", "WAYSTATION_APP"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def refused(said: Said) -> str:
    assert (said.code, said.out) == (2, "")
    return said.err


def test_a_server_is_named_by_an_option_or_the_environment_and_an_app_goes_before_the_latter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with there() as server:
        server("run", "adding", "--run-id", "r1", "--input", "1")
        monkeypatch.setenv("WAYSTATION_URL", server.options[1])
        assert waystation("runs", "--json").json["runs"][0]["run_id"] == "r1"
        assert here(tmp_path / "here.db")("runs", "--json").json["runs"] == []


def test_what_contradicts_itself_is_refused() -> None:
    assert "give one of them" in refused(waystation("runs", "--url", "http://x", "--app", "shop:app"))
    assert "give one of them" in refused(waystation("runs", "--url", "http://x", "--store", "memory://"))
    assert "--token is for a server" in refused(waystation("runs", "--token", "wst_a_b", "--app", "shop:app"))
    assert "--actor is for an app here" in refused(
        waystation("cancel", "r1", "--url", "http://127.0.0.1:1", "--actor", "ada")
    )
    assert "holds a password" in refused(waystation("runs", "--url", "http://me:t0p@127.0.0.1"))


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[tuple[Spot, TokenFile]]:
    file = TokenFile(tmp_path / "tokens.json")
    file.new("nobody", ["read"])
    with there(auth=TokenAuthenticator(file)) as server:
        yield server, file


def test_the_token_comes_from_an_option_a_file_or_the_environment_and_is_never_told(
    tokens: tuple[Spot, TokenFile], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server, file = tokens
    token = file.new("ada", ["admin"])
    (tmp_path / "token.txt").write_text(f"{token}\n", encoding="utf-8")
    assert server("runs", "--token", token).code == 0
    assert server("runs", "--token", "@token.txt").code == 0
    assert "cannot be read" in server("runs", "--token", "@nowhere.txt").err
    monkeypatch.setenv("WAYSTATION_TOKEN", token)
    assert server("run", "approval", "--run-id", "r1", "--input", DOC).code == 3
    assert server("resume", "r1", "--data", '{"approved": true}').code == 0
    assert "answered by ada" in server("show", "r1").out
    file.revoke(token.split("_")[1])
    said = server("runs", "--json")
    assert (said.code, said.json["error"]["code"]) == (8, "unauthenticated")
    assert token not in said.out + said.err


def test_the_answer_that_is_offered_to_be_typed_names_the_server_and_no_token(tokens: tuple[Spot, TokenFile]) -> None:
    server, file = tokens
    token = file.new("ada", ["admin"])
    asked = server("run", "approval", "--run-id", "r1", "--input", DOC, "--token", token)
    assert f"answer it: waystation resume r1 --url {server.options[1]} --data JSON\n" in asked.out
    assert token not in asked.out + asked.err


def test_who_may_not_do_it_exits_with_eight(tokens: tuple[Spot, TokenFile]) -> None:
    server, file = tokens
    reader = file.new("reader", ["read"])
    said = server("run", "approval", "--input", DOC, "--token", reader, "--json")
    assert (said.code, said.json["error"]["code"]) == (8, "forbidden")


def test_a_server_that_is_not_there_exits_with_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waystation.cli.placed._PATIENCE", timedelta(0))
    said = waystation("runs", "--url", "http://127.0.0.1:1", "--json")
    assert (said.code, said.json["error"]["code"]) == (8, "server_unreachable")
    assert "is it started" in waystation("runs", "--url", "http://127.0.0.1:1").err


# --------------------------------------------------------------------------- asked and told


def test_deleting_asks_first_and_only_a_yes_is_one(tmp_path: Path) -> None:
    spot = here(tmp_path / "here.db")
    spot("run", "adding", "--run-id", "r1", "--input", "1")
    assert spot("delete", "r1", stdin="n\n").out == "nothing was deleted\n"
    assert spot("delete", "r1", stdin="").code == 2
    assert spot("delete", "r1", "--json").json["error"]["code"] == "usage"
    assert len(spot("runs", "--json").json["runs"]) == 1
    assert spot("delete", "r1", stdin="y\n").code == 0
    assert spot("runs", "--json").json["runs"] == []


def test_several_runs_are_exported_to_a_folder_from_a_server_and_taken_in_elsewhere(tmp_path: Path) -> None:
    with there() as server:
        for run in ("r1", "r2"):
            server("run", "adding", "--run-id", run, "--input", "1")
        assert "name a folder" in server("export", "r1", "r2").err
        assert server("export", "r1", "r2", "--output", "out").code == 0
        assert server("export", "r1").out.splitlines()[0].startswith('{"line":"header"')
        assert server("export", "r9", "--json").json["error"]["code"] == "run_not_found"
    files = [str(Path("out") / f"{run}.jsonl") for run in ("r1", "r2")]
    taken = waystation("db", "import", *files, "--store", "sqlite:///there.db", "--json")
    assert [run["run_id"] for run in taken.json["imported"]] == ["r1", "r2"]
    again = waystation("db", "import", *files, "--store", "sqlite:///there.db", "--json")
    assert again.json["error"]["code"] == "run_already_exists"


def test_what_the_command_line_means_is_told_where_it_is_wrong(tmp_path: Path) -> None:
    spot = here(tmp_path / "here.db")
    spot("run", "adding", "--run-id", "r1", "--input", "1")
    for words, call in {
        "is no time": ("runs", "--since", "yesterday"),
        "names no event": ("events", "r1", "--after", "x"),
        "must be a JSON object": ("run", "adding", "--input", "1", "--context", "[1]"),
        "a picture is for people": ("watch", "r1", "--json"),
        "names one run": ("send", "decided", "--run", "r1", "--workflow", "waiting"),
        "is not a length of time": ("cancel", "r1", "--grace", "soon"),
    }.items():
        said = spot(*call)
        assert (said.code, words in said.err + said.out) == (2, True), said


def test_a_client_of_python_and_the_command_may_use_one_server(tmp_path: Path) -> None:
    with there() as server:
        client = Client(server.options[1])
        asked: RunResult[object] = client.run("approval", {"document_id": "D"})
        assert server("resume", asked.run_id, "--data", '{"approved": true}').code == 0
        assert client.get_run_sync(asked.run_id).result_sync().status == "success"
        client.close_sync()
