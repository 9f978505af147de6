"""``waystation db``: the store itself, looked at, upgraded and pruned; each call is a process of its own."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Folder
from tests.conformance.test_store_migrations import made_by
from waystation.store.sqlite_schema import migrations

DOC = '{"document_id": "DOC-1"}'

NEWEST = len(migrations())


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


# ------------------------------------------------------------------ status


def test_a_status_tells_what_is_in_the_store(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.waystation("run", "checked", "--run-id", "r2", "--input", DOC)
    told = folder.waystation("db", "status")
    assert told.code == 0
    lines = [re.sub(r"  +", "  ", line.strip()) for line in told.out.splitlines()]
    assert lines[:2] == ["store  SQLite file 'runs.db'", f"schema  {NEWEST}, the newest"]
    assert lines[2:6] == ["runs  2", "1 ⏸ suspended", "1 ✓ success", "open suspensions  1"]
    assert re.fullmatch(r"oldest unfinished  r1 of approval, created .+ ago  ⏸ suspended", lines[6])
    assert lines[7:9] == ["workers  0", "schedules  0"]
    assert re.fullmatch(r"size  [\d.]+ KiB", lines[9])


def test_a_status_for_programs_is_one_document(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC, "--resource", "order-1")
    told = folder.waystation("db", "status", "--json")
    assert told.json["store"] == "SQLite file 'runs.db'"
    assert told.json["schema"] == {"version": NEWEST, "newest": NEWEST, "up_to_date": True}
    assert told.json["runs"]["suspended"] == 1
    assert set(told.json["runs"]) >= {"running", "success", "failed", "cancelled", "waiting", "pending", "paused"}
    assert told.json["open_suspensions"] == 1
    assert told.json["oldest_unfinished"]["resource_id"] == "order-1"
    assert (told.json["workers"], told.json["schedules"]) == ([], [])
    assert told.json["size"] >= (folder.path / "runs.db").stat().st_size


def test_a_status_tells_which_leases_hold_and_when_schedules_fire(folder: Folder) -> None:
    folder.waystation("db", "upgrade")
    with closing(sqlite3.connect(folder.path / "runs.db")) as connection, connection:
        workers = [("alive", "h", 1, 4102444800000), ("dead", "h", 2, 1000)]
        connection.executemany("INSERT INTO waystation_workers VALUES (?, ?, ?, ?)", workers)
        schedules = [("daily", "approval", "s", 4102444800000, 5, 0), ("weekly", "approval", "s", 1, None, 1)]
        connection.executemany("INSERT INTO waystation_schedules VALUES (?, ?, ?, ?, ?, ?)", schedules)
    told = folder.waystation("db", "status", "--json").json
    assert {worker["worker_id"]: worker["alive"] for worker in told["workers"]} == {"alive": True, "dead": False}
    assert [(each["schedule_id"], each["next_at"], each["paused"]) for each in told["schedules"]] == [
        ("daily", "2100-01-01T00:00:00.000+00:00", False),
        ("weekly", "1970-01-01T00:00:00.001+00:00", True),
    ]
    shown = folder.waystation("db", "status").out
    assert re.search(r"alive on h, process 1: lease holds for \d+ d", shown)
    assert re.search(r"dead on h, process 2: lease ran out \d+ d \d+ h ago", shown)
    assert "weekly of approval: paused" in shown


def test_a_status_of_a_store_that_is_not_there_makes_none(folder: Folder) -> None:
    told = folder.waystation("db", "status")
    assert told.code == 0
    assert "none yet; 'waystation db upgrade' makes it" in told.out
    assert folder.waystation("db", "status", "--json").json["schema"]["version"] == 0
    assert not list(folder.path.glob("runs.db*"))


def test_a_status_of_an_older_store_leaves_it_as_it_is(folder: Folder) -> None:
    file = folder.path / "runs.db"
    made_by(1, file)
    before = digest(file)
    told = folder.waystation("db", "status")
    assert f"1; the newest is {NEWEST}: 'waystation db upgrade' brings it there" in told.out
    assert folder.waystation("db", "status", "--json").json["schema"] == {
        "version": 1,
        "newest": NEWEST,
        "up_to_date": False,
    }
    assert digest(file) == before
    assert list(folder.path.glob("runs.db*")) == [file]


def test_a_status_of_a_newer_store_and_of_another_programs_file_is_an_error(folder: Folder) -> None:
    folder.waystation("db", "upgrade")
    with closing(sqlite3.connect(folder.path / "runs.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    told = folder.waystation("db", "status", "--json")
    assert (told.code, told.json["error"]["code"]) == (7, "store_schema_newer")
    with closing(sqlite3.connect(folder.path / "theirs.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    told = folder.waystation("db", "status", "--store", "sqlite:///theirs.db", "--json")
    assert (told.code, told.json["error"]["code"]) == (7, "store_schema_foreign")


def test_a_look_registers_no_worker_and_takes_no_run(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    with closing(sqlite3.connect(folder.path / "runs.db")) as connection, connection:
        connection.execute("UPDATE waystation_runs SET status = 'running', owner = NULL")
        connection.execute("DELETE FROM waystation_workers")
    for _ in range(2):
        told = folder.waystation("db", "status", "--json").json
        assert (told["runs"]["running"], told["workers"]) == (1, [])


# ------------------------------------------------------------------ upgrade


def test_an_upgrade_makes_the_store_and_says_so_then_there_is_nothing_to_do(folder: Folder) -> None:
    made = folder.waystation("db", "upgrade")
    assert (made.code, made.out) == (0, f"SQLite file 'runs.db': made, with schema {NEWEST}\n")
    again = folder.waystation("db", "upgrade")
    assert (again.code, again.out) == (0, f"SQLite file 'runs.db': nothing to do: its schema is {NEWEST}, the newest\n")
    assert folder.waystation("db", "upgrade", "--json").json == {
        "store": "SQLite file 'runs.db'",
        "from": NEWEST,
        "to": NEWEST,
    }


def test_an_upgrade_brings_an_older_store_up_to_date(folder: Folder) -> None:
    made_by(1, folder.path / "runs.db")
    done = folder.waystation("db", "upgrade")
    assert (done.code, done.out) == (0, f"SQLite file 'runs.db': schema 1 brought to {NEWEST}\n")
    assert folder.waystation("db", "status", "--json").json["runs"]["suspended"] == 1


# ------------------------------------------------------------------ which store


def test_a_store_needs_no_app(folder: Folder) -> None:
    made = folder.waystation("db", "upgrade", "--store", "sqlite:///other.db", app=None)
    assert (made.code, made.out.startswith("SQLite file 'other.db': made")) == (0, True)
    neither = folder.waystation("db", "status", app=None)
    assert neither.code == 2
    assert "--store URL" in neither.err
    wrong = folder.waystation("db", "status", "--store", "redis://x", app=None)
    assert wrong.code == 7
    assert folder.waystation("db", "upgrade", "--store", "sqlite:///third.db").out.startswith("SQLite file 'third.db'")


# ------------------------------------------------------------------ prune


def ended(folder: Folder, **updated: int) -> None:
    """Runs that ended then, and one that has not."""
    for run_id in updated:
        folder.waystation("run", "checked", "--run-id", run_id, "--input", DOC)
    folder.waystation("run", "approval", "--run-id", "open", "--input", DOC)
    with closing(sqlite3.connect(folder.path / "runs.db")) as connection, connection:
        for run_id, at in updated.items():
            connection.execute(
                "UPDATE waystation_runs SET created_at = ?, updated_at = ? WHERE run_id = ?", (at, at, run_id)
            )
        connection.execute("UPDATE waystation_runs SET created_at = 1, updated_at = 1 WHERE run_id = 'open'")


def left(folder: Folder) -> set[str]:
    return {run["run_id"] for run in folder.waystation("runs", "--json").json["runs"]}


def test_pruning_deletes_what_ended_long_ago_and_nothing_else(folder: Folder) -> None:
    folder.waystation("run", "checked", "--run-id", "new", "--input", DOC)
    ended(folder, first=1000, second=2000, third=3000)
    with closing(sqlite3.connect(folder.path / "runs.db")) as connection, connection:
        connection.execute("UPDATE waystation_runs SET created_at = 1 WHERE run_id = 'new'")
    dry = folder.waystation("db", "prune", "--older-than", "30d", "--dry-run")
    assert (dry.code, dry.out) == (0, "3 runs ended more than 30d ago; nothing was deleted\n")
    dry = folder.waystation("db", "prune", "--older-than", "30d", "--dry-run", "--limit", "2", "--json")
    assert dry.json == {"would_delete": 2}
    assert left(folder) == {"new", "open", "first", "second", "third"}

    one = folder.waystation("db", "prune", "--older-than", "30d", "--limit", "1", "--yes")
    assert (one.code, one.out) == (0, "deleted 1 run that ended more than 30d ago\n")
    assert left(folder) == {"new", "open", "second", "third"}
    assert folder.waystation("db", "prune", "--older-than", "30d", "--yes", "--json").json == {"deleted": 2}
    assert left(folder) == {"new", "open"}


def test_pruning_asks_first(folder: Folder) -> None:
    ended(folder, old=1000)
    refused = folder.waystation("db", "prune", "--older-than", "1w", stdin="n\n")
    assert (refused.code, refused.out) == (0, "nothing was deleted\n")
    assert "delete 1 run that ended more than 1w ago, for good? (y/N)" in refused.err
    unanswered = folder.waystation("db", "prune", "--older-than", "1w", stdin="")
    assert unanswered.code == 2
    assert "nobody answered; nothing was deleted" in unanswered.err
    asked_of_a_program = folder.waystation("db", "prune", "--older-than", "1w", "--json")
    assert asked_of_a_program.code == 2
    assert left(folder) == {"old", "open"}
    agreed = folder.waystation("db", "prune", "--older-than", "1w", stdin="y\n")
    assert (agreed.code, agreed.out) == (0, "deleted 1 run that ended more than 1w ago\n")
    assert left(folder) == {"open"}
    nothing = folder.waystation("db", "prune", "--older-than", "1w")
    assert (nothing.code, nothing.out, nothing.err) == (0, "nothing was deleted\n", "")


@pytest.mark.parametrize("written", ["", "30", "d", "1h1d", "-1d", "1.5h", "1y", "99999999999d"])
def test_what_is_no_length_of_time_is_refused(folder: Folder, written: str) -> None:
    refused = folder.waystation("db", "prune", f"--older-than={written}", "--yes")
    assert refused.code == 2
    assert "--older-than" in refused.err


def test_only_an_upgrade_changes_an_older_store(folder: Folder) -> None:
    file = folder.path / "runs.db"
    made_by(1, file)
    before = digest(file)
    (folder.path / "r1.jsonl").write_text("{}\n", encoding="utf-8")
    for command in (["prune", "--older-than", "1d", "--yes"], ["export", "ended"], ["import", "r1.jsonl"]):
        refused = folder.waystation("db", *command, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (7, "store_schema_older")
        assert "waystation db upgrade" in refused.json["error"]["message"]
    assert digest(file) == before
    missing = folder.waystation("db", "export", "r1", "--store", "sqlite:///none.db", "--json")
    assert missing.json["error"]["code"] == "store_schema_older"
    assert not (folder.path / "none.db").exists()
