"""``waystation db export`` and ``import``: a run as a file, and back; each call is a process of its own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Folder

DOC = '{"document_id": "DOC-1"}'

ELSEWHERE = ("--store", "sqlite:///elsewhere.db")


def journal(file: Path) -> list[bytes]:
    with closing(sqlite3.connect(file)) as connection:
        return [entry for (entry,) in connection.execute("SELECT entry FROM waystation_journal ORDER BY run_no, seq")]


def test_a_run_is_exported_to_a_file_imported_elsewhere_and_answered_there(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC, "--resource", "order-1")
    left = folder.waystation("db", "export", "r1", "--output", "r1.jsonl")
    assert (left.code, left.out) == (0, "run r1 is in 'r1.jsonl'\n")
    arrived = folder.waystation("db", "import", "r1.jsonl", *ELSEWHERE)
    assert (arrived.code, arrived.out) == (0, "run r1 of approval is there  ⏸ suspended\n")
    assert journal(folder.path / "elsewhere.db") == journal(folder.path / "runs.db")
    answered = folder.waystation("resume", "r1", "--data", '{"approved": true}', *ELSEWHERE)
    assert answered.code == 0
    assert '{"status":"approved"}' in answered.out
    assert folder.waystation("runs", "--json").json["runs"][0]["status"] == "suspended", "here it is as it was"


def test_a_run_goes_through_pipes_where_there_is_no_app(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    left = folder.waystation("db", "export", "r1", "--store", "sqlite:///runs.db", app=None)
    assert left.code == 0
    assert [json.loads(line)["line"] for line in left.out.splitlines()][::9] == ["header", "end"]
    arrived = folder.waystation("db", "import", "-", *ELSEWHERE, "--json", app=None, stdin=left.out)
    assert (arrived.code, arrived.json["run_id"], arrived.json["status"]) == (0, "r1", "suspended")
    assert folder.waystation("db", "export", "r1", *ELSEWHERE, app=None).code == 0


def test_a_run_moves_to_postgresql_and_is_answered_there(folder: Folder, postgres: str) -> None:
    there = ("--store", postgres)
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.waystation("db", "export", "r1", "--output", "r1.jsonl")
    assert folder.waystation("db", "status", *there, "--json").json["schema"]["version"] == 0
    made = folder.waystation("db", "upgrade", *there, app=None)
    assert (made.code, ": made, with schema " in made.out, made.out.count("@")) == (0, True, 0)
    assert folder.waystation("db", "import", "r1.jsonl", *there, app=None).code == 0
    counted = folder.waystation("db", "status", *there, "--json").json
    assert (counted["runs"]["suspended"], counted["open_suspensions"]) == (1, 1)
    assert folder.waystation("resume", "r1", "--data", '{"approved": true}', *there).code == 0
    back = folder.waystation("db", "export", "r1", *there, app=None)
    assert folder.waystation("db", "import", "-", *ELSEWHERE, stdin=back.out).code == 0
    assert journal(folder.path / "elsewhere.db")[:4] == journal(folder.path / "runs.db")
    pruned = folder.waystation("db", "prune", "--older-than", "0s", "--yes", *there, "--json")
    assert pruned.json == {"deleted": 1}


def test_a_run_that_is_kept_encrypted_leaves_and_arrives_through_its_app_alone(folder: Folder) -> None:
    folder.change(
        'store="sqlite:///runs.db")',
        'store="sqlite:///runs.db", codec=Codec(encrypt=Encryption(keys={"k": bytes(32)}, primary="k")))',
    )
    folder.change("from waystation import", "from waystation import Codec, Encryption\nfrom waystation import")
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    assert not any(b"DOC-1" in entry for entry in journal(folder.path / "runs.db"))

    sealed = folder.waystation("db", "export", "r1", "--store", "sqlite:///runs.db", "--json", app=None)
    assert sealed.code == 7
    assert '"code": "payload_unreadable"' in sealed.out
    assert "waystation db export --app module:variable" in sealed.out

    left = folder.waystation("db", "export", "r1")
    assert (left.code, left.out.count("Approve DOC-1")) == (0, 1)
    assert folder.waystation("db", "import", "-", *ELSEWHERE, stdin=left.out).code == 0
    assert not any(b"DOC-1" in entry for entry in journal(folder.path / "elsewhere.db")), "it is encrypted there too"
    assert folder.waystation("resume", "r1", "--data", '{"approved": true}', *ELSEWHERE).code == 0
    counted = folder.waystation("db", "status", "--json").json
    assert (counted["runs"]["suspended"], counted["store"]) == (1, "SQLite file 'runs.db'")


def test_several_runs_are_a_file_each_named_for_them(folder: Folder) -> None:
    for run_id in ("r1", "../r2/ü"):
        folder.waystation("run", "checked", "--run-id", run_id, "--input", DOC)
    left = folder.waystation("db", "export", "r1", "../r2/ü", "--output", "out/of/here", "--json")
    files = ["out/of/here/r1.jsonl", "out/of/here/..%2Fr2%2F%C3%BC.jsonl"]
    assert left.json == {
        "exported": [{"run_id": "r1", "file": files[0]}, {"run_id": "../r2/ü", "file": files[1]}],
    }
    assert sorted(file.name for file in (folder.path / "out/of/here").iterdir()) == [
        "..%2Fr2%2F%C3%BC.jsonl",
        "r1.jsonl",
    ]
    for file in files:
        assert folder.waystation("db", "import", file, *ELSEWHERE).code == 0
    assert folder.waystation("db", "export", "r1", "--output", "out").out == "run r1 is in 'out/r1.jsonl'\n"
    assert folder.waystation("db", "export", "r1", "../r2/ü").code == 2, "several runs are no one stream"


def test_nothing_is_exported_where_one_of_the_runs_is_not_there(folder: Folder) -> None:
    folder.waystation("run", "checked", "--run-id", "r1", "--input", DOC)
    left = folder.waystation("db", "export", "r1", "r9", "--output", "out", "--json")
    assert (left.code, left.json["error"]["code"], left.json["error"]["run_id"]) == (4, "run_not_found", "r9")
    assert not (folder.path / "out").exists()
    alone = folder.waystation("db", "export", "r9")
    assert (alone.code, alone.out) == (4, "")


def test_a_file_that_was_there_is_replaced_by_a_whole_one_or_stays(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    file = folder.path / "r1.jsonl"
    file.write_text("the one before", encoding="utf-8")
    assert folder.waystation("db", "export", "r9", "--output", "r1.jsonl").code == 4
    assert file.read_text(encoding="utf-8") == "the one before"
    assert folder.waystation("db", "export", "r1", "--output", "r1.jsonl").code == 0
    assert file.read_text(encoding="utf-8").startswith('{"line":"header"')
    assert [each.name for each in folder.path.glob("*jsonl*")] == ["r1.jsonl"]
    assert not list(folder.path.glob(".*")), "nothing unfinished is left"
    nowhere = folder.waystation("db", "export", "r1", "--output", "no/such/folder.jsonl")
    assert nowhere.code == 2
    assert "no/such/folder.jsonl" in nowhere.err


def test_an_import_refuses_what_is_there_already_and_changes_nothing(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.waystation("db", "export", "r1", "--output", "r1.jsonl")
    folder.waystation("resume", "r1", "--data", '{"approved": true}')
    before = journal(folder.path / "runs.db")
    refused = folder.waystation("db", "import", "r1.jsonl", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (5, "run_already_exists")
    assert journal(folder.path / "runs.db") == before


@pytest.mark.parametrize(
    ("spoil", "line", "why"),
    [
        (lambda text: text[: len(text) // 2], 3, "the run's file"),
        (lambda text: "".join(text.splitlines(keepends=True)[:-1]), 9, "it is torn"),
        (lambda text: text.replace("DOC-1", "DOC-2"), 10, "SHA-256 differs"),
        (lambda text: text.replace('"version":1}', '"version":2}', 1), 1, "upgrade Waystation here"),
        (lambda _: "", 0, "it is torn"),
        (lambda _: "id,status\nr1,done\n", 1, "not the beginning of a run's export"),
    ],
    ids=["cut in two", "without its last line", "edited", "of a later version", "empty", "something else"],
)
def test_an_import_refuses_a_file_that_is_not_whole_and_tells_the_line(
    folder: Folder, spoil: object, line: int, why: str
) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    text = folder.waystation("db", "export", "r1").out
    assert callable(spoil)
    (folder.path / "r1.jsonl").write_text(str(spoil(text)), encoding="utf-8")
    refused = folder.waystation("db", "import", "r1.jsonl", *ELSEWHERE, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (5, "run_file_invalid")
    assert refused.json["error"]["line"] == line
    assert why in refused.json["error"]["message"]
    assert folder.waystation("runs", *ELSEWHERE, "--json").json["runs"] == []


def test_a_file_that_cannot_be_read_is_told(folder: Folder) -> None:
    missing = folder.waystation("db", "import", "none.jsonl", *ELSEWHERE)
    assert missing.code == 2
    assert "none.jsonl" in missing.err


def test_a_run_whose_process_died_is_imported_to_be_taken_over(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    with closing(sqlite3.connect(folder.path / "runs.db")) as connection, connection:
        connection.execute("UPDATE waystation_runs SET status = 'running', owner = 'dead'")
    folder.waystation("db", "export", "r1", "--output", "r1.jsonl")
    arrived = folder.waystation("db", "import", "r1.jsonl", *ELSEWHERE)
    assert arrived.out.splitlines() == [
        "run r1 of approval is there  ▶ running",
        "it goes on when an app takes it over",
    ]
    with closing(sqlite3.connect(folder.path / "elsewhere.db")) as connection:
        assert connection.execute("SELECT owner, epoch > 1000000 FROM waystation_runs").fetchall() == [(None, 1)]
