"""The command, as people and programs use it."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.cli.conftest import Folder
from waystation.cli.placed import _Named

DOC = '{"document_id": "DOC-1"}'


def test_a_run_is_started_in_one_process_answered_in_another_and_shown_in_a_third(folder: Folder) -> None:
    started = folder.process("run", "approval", "--run-id", "r1", "--input", DOC)
    assert started.code == 3
    assert "suspended" in started.out
    assert 'waits at review: {"reason":"Approve DOC-1"}' in started.out
    assert '{"approved": boolean, "comment"?: string or null}' in started.out
    assert "waystation resume r1 --app shop:app --data JSON" in started.out

    answered = folder.process("resume", "r1", "--data", '{"approved": true}', "--actor", "ada")
    assert answered.code == 0
    assert '{"status":"approved"}' in answered.out

    shown = folder.process("show", "r1")
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0].startswith("approval  run r1  ✓ success")
    order = ["submit", "review", "asked", "answered by ada", "gave", "result"]
    places = [next(i for i, line in enumerate(lines) if word in line and i > 1) for word in order]
    assert places[0] < places[1] < places[2] < places[3] < places[5]


def test_the_answer_that_is_offered_to_be_typed_goes_where_the_run_is_and_tells_no_secret(folder: Folder) -> None:
    offered = folder.waystation("run", "approval", "--run-id", "r 1", "--input", DOC, "--store", "sqlite:///my runs.db")
    (line,) = [line for line in offered.out.splitlines() if line.startswith("answer it: ")]
    assert line == "answer it: waystation resume 'r 1' --app shop:app --store 'sqlite:///my runs.db' --data JSON"
    typed = shlex.split(line.removeprefix("answer it: waystation "))
    assert folder.waystation(*typed[:-1], '{"approved": true}', app=None).code == 0
    found = folder.waystation("run", "approval", "--input", DOC, app=None, environment={"WAYSTATION_APP": "shop:app"})
    assert "--app" not in found.out, "what the environment says it says the next time too"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("postgresql://ada:s3:cr@et@db:5432/shop", "postgresql://ada:PASSWORD@db:5432/shop"),
        ("postgresql://db/shop?user=ada&password=s3cret", "'postgresql://db/shop?user=ada&password=PASSWORD'"),
        ("postgresql://ada@db/shop", "postgresql://ada@db/shop"),
        ("sqlite:///runs.db", "sqlite:///runs.db"),
    ],
)
def test_a_password_of_a_store_is_not_offered_to_be_typed(given: str, told: str) -> None:
    assert _Named(app=None, store=given, url=None, token="t0ken").options == f" --store {told}"


def test_show_has_every_step_also_those_not_begun_and_not_taken(folder: Folder) -> None:
    folder.waystation("run", "sorted", "--run-id", "r1", "--input", DOC)
    shown = folder.waystation("show", "r1").out
    assert "publish  ✓ success" in shown
    assert "archive  – not taken" in shown
    folder.waystation("run", "approval", "--run-id", "r2", "--input", DOC)
    assert "review  ⏸ suspended" in folder.waystation("show", "r2").out


def test_show_cuts_no_line_where_there_is_no_terminal(folder: Folder) -> None:
    long = json.dumps({"document_id": "DOC-" + 150 * "1"}, separators=(",", ":"))
    folder.waystation("run", "approval", "--run-id", "r1", "--input", long)
    assert f"input {long}\n" in folder.waystation("show", "r1").out


def test_json_is_one_document_that_tells_all(folder: Folder) -> None:
    started = folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC, "--json")
    assert started.code == 3
    assert started.json["status"] == "suspended"
    (suspension,) = started.json["suspensions"]
    assert suspension["payload"] == {"reason": "Approve DOC-1"}
    assert suspension["answer_schema"]["required"] == ["approved"]
    assert folder.waystation("pending", "--json").json["suspensions"] == [suspension]

    answered = folder.waystation(
        "resume", "r1", "--suspension", suspension["id"], "--data", '{"approved": false}', "--json"
    )
    assert (answered.code, answered.json["result"]) == (0, {"status": "rejected"})
    assert answered.err == ""

    shown = folder.waystation("show", "r1", "--json").json
    assert [(step["address"], step["status"]) for step in shown["steps"]] == [
        ("submit", "success"),
        ("review", "success"),
    ]
    assert shown["steps"][1]["suspensions"][0]["answer"] == {"approved": False, "comment": None}
    assert shown["result"] == {"status": "rejected"}
    assert folder.waystation("pending", "--json").json == {"suspensions": []}


def test_runs_are_listed_newest_first_filtered_and_paged(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC, "--resource", "order-1")
    folder.waystation("run", "checked", "--run-id", "r2", "--input", DOC)
    listed = folder.waystation("runs", "--json").json
    assert [run["run_id"] for run in listed["runs"]] == ["r2", "r1"]
    assert [r["run_id"] for r in folder.waystation("runs", "--json", "--status", "suspended").json["runs"]] == ["r1"]
    assert [r["run_id"] for r in folder.waystation("runs", "--json", "--workflow", "checked").json["runs"]] == ["r2"]
    assert [r["run_id"] for r in folder.waystation("runs", "--json", "--resource", "order-1").json["runs"]] == ["r1"]
    first = folder.waystation("runs", "--json", "--limit", "1").json
    second = folder.waystation("runs", "--json", "--limit", "1", "--cursor", first["cursor"]).json
    assert [run["run_id"] for run in first["runs"] + second["runs"]] == ["r2", "r1"]
    assert "order-1" in folder.waystation("runs").out
    unknown = folder.waystation("runs", "--status", "sleepy")
    assert unknown.code == 2
    assert "suspended" in unknown.err


def test_a_failed_run_exits_with_one_and_says_where(folder: Folder) -> None:
    failed = folder.waystation("run", "checked", "--run-id", "r1", "--input", '{"document_id": "BAD"}')
    assert failed.code == 1
    assert "failed at step check: ValueError: cannot read it" in failed.out
    assert "ValueError: cannot read it" in folder.waystation("show", "r1").out


def test_bad_input_creates_no_run_and_a_bad_answer_leaves_the_suspension_open(folder: Folder) -> None:
    refused = folder.waystation("run", "approval", "--input", '{"document_id": 7}')
    assert refused.code == 5
    assert "document_id" in refused.err
    assert folder.waystation("runs", "--json").json["runs"] == []

    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    bad = folder.waystation("resume", "r1", "--data", '{"approved": "perhaps"}', "--json")
    assert bad.code == 5
    assert bad.json["error"]["code"] == "invalid_resume_data"
    assert bad.json["error"]["address"] == "review"
    assert bad.json["error"]["field"] == "approved"
    assert folder.waystation("resume", "r1", "--data", '{"approved": true}').code == 0


def test_a_second_answer_is_refused(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    assert folder.waystation("resume", "r1", "--data", '{"approved": true}').code == 0
    again = folder.waystation("resume", "r1", "--data", '{"approved": false}', "--json")
    assert (again.code, again.json["error"]["code"]) == (5, "already_answered")


def test_data_comes_from_standard_input_or_a_file_too(folder: Folder) -> None:
    (folder.path / "doc.json").write_text(DOC, encoding="utf-8")
    assert folder.waystation("run", "checked", "--input", "@doc.json").code == 0
    assert folder.waystation("run", "checked", "--input", "-", stdin=DOC).code == 0
    missing = folder.waystation("run", "checked", "--input", "@none.json")
    assert missing.code == 2
    assert "none.json" in missing.err
    broken = folder.waystation("run", "checked", "--input", "{document_id: 1}")
    assert broken.code == 2
    assert "not JSON" in broken.err
    assert folder.waystation("run", "checked").code == 2


def test_what_is_not_there_exits_with_four(folder: Folder) -> None:
    assert folder.waystation("show", "nobody").code == 4
    assert folder.waystation("resume", "nobody", "--data", "{}").code == 4
    unknown = folder.waystation("run", "aproval", "--input", DOC)
    assert unknown.code == 4
    assert "'approval'" in unknown.err
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    assert folder.waystation("resume", "r1", "--step", "nowhere", "--data", "{}").code == 4


def test_changed_code_exits_with_six_and_the_old_code_goes_on(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.change(".then(submit).then(review)", ".then(review)")
    changed = folder.waystation("resume", "r1", "--data", '{"approved": true}')
    assert changed.code == 6
    assert "'submit'" in changed.err
    folder.change(".then(review)", ".then(submit).then(review)")
    assert folder.waystation("resume", "r1", "--data", '{"approved": true}').code == 0


def test_a_store_that_cannot_be_opened_exits_with_seven(folder: Folder) -> None:
    (folder.path / "broken.db").write_bytes(b"this is no database, and longer than a header would be" * 40)
    broken = folder.waystation("runs", "--store", "sqlite:///broken.db")
    assert broken.code == 7
    assert "broken.db" in broken.err
    assert folder.waystation("runs", "--store", "mysql://x").code == 7


def test_the_app_is_found_by_option_environment_or_pyproject(folder: Folder) -> None:
    lost = folder.waystation("runs", app=None)
    assert lost.code == 2
    assert "WAYSTATION_APP" in lost.err
    assert folder.waystation("runs", app=None, environment={"WAYSTATION_APP": "shop:app"}).code == 0
    (folder.path / "pyproject.toml").write_text('[tool.waystation]\napp = "shop:app"\n', encoding="utf-8")
    assert folder.waystation("runs", app=None).code == 0


def test_an_app_that_cannot_be_loaded_is_told_plainly(folder: Folder) -> None:
    (folder.path / "raising.py").write_text("raise RuntimeError('no database')", encoding="utf-8")
    (folder.path / "needing.py").write_text("import a_package_that_is_not_there", encoding="utf-8")
    for named, words in {
        "shop": "does not name an app",
        "shop:none": "has no 'none'",
        "shop:not_an_app": "is a int, not a Waystation app",
        "store:app": "there is no module 'store'",
        "raising:app": "RuntimeError: no database",
        "needing:app": "'a_package_that_is_not_there'",
    }.items():
        said = folder.waystation("runs", app=named)
        assert said.code == 2, named
        assert words in said.err, said.err
        assert "Traceback" not in said.err


def test_a_module_may_use_a_loop_of_its_own_when_it_is_imported(folder: Folder) -> None:
    folder.change("app = Waystation(", "import asyncio\nasyncio.run(asyncio.sleep(0))\napp = Waystation(")
    assert folder.waystation("runs").code == 0


def test_graph_gives_mermaid_or_json(folder: Folder) -> None:
    drawn = folder.waystation("graph", "approval")
    assert drawn.code == 0
    assert drawn.out.startswith("flowchart")
    assert "review" in drawn.out
    described = folder.waystation("graph", "approval", "--json").json
    assert [node["id"] for node in described["nodes"]] == ["submit", "review"]
    assert json.dumps(described["nodes"][1]["resume"]["schema"]).count("approved") >= 1
    assert not (folder.path / "runs.db").exists(), "drawing a workflow opens no store"


def test_a_usage_error_exits_with_two_and_the_version_is_told(folder: Folder) -> None:
    assert folder.waystation("rum", "approval").code == 2
    assert folder.waystation("--version", app=None).out.strip()[0].isdigit()
