"""``waystation check``: the question to ask before a deploy."""

from __future__ import annotations

from tests.cli.conftest import Folder

DOC = '{"document_id": "DOC-1"}'


def test_code_that_can_go_on_with_every_unfinished_run_is_told_so(folder: Folder) -> None:
    assert folder.waystation("check").code == 0
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.change(".then(submit).then(review).commit()", ".then(submit).then(review).then(publish).commit()")
    said = folder.waystation("check")
    assert (said.code, said.out) == (0, "every unfinished run can go on with this code\n")
    assert folder.waystation("check", "--json").json == {"misfits": []}


def test_a_run_that_cannot_go_on_is_named_with_the_reason_and_stays_as_it_was(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.waystation("run", "checked", "--run-id", "r2", "--input", DOC)
    folder.change(".then(submit).then(review).commit()", ".then(review).commit()")
    said = folder.waystation("check")
    assert said.code == 1
    assert "r1  approval" in said.out
    assert "step 'submit' is completed, and the workflow has no step of that id any more" in said.out
    assert "r2" not in said.out
    (misfit,) = folder.waystation("check", "--json").json["misfits"]
    assert (misfit["run_id"], misfit["workflow_id"], misfit["status"]) == ("r1", "approval", "suspended")

    folder.change(".then(review).commit()", ".then(submit).then(review).commit()")
    assert folder.waystation("resume", "r1", "--data", '{"approved": true}').code == 0


def test_a_run_of_a_workflow_that_is_gone_is_named(folder: Folder) -> None:
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.change("workflows=[approval, checked, sorted_out]", "workflows=[checked, sorted_out]")
    said = folder.waystation("check", "--json")
    assert said.code == 1
    (misfit,) = said.json["misfits"]
    assert (misfit["run_id"], "is not registered" in misfit["reasons"][0]) == ("r1", True)


def test_a_run_of_a_version_that_is_gone_is_named_with_its_version(folder: Folder) -> None:
    folder.change('"approval", input=Doc, output=Status)', '"approval", input=Doc, output=Status, version="1")')
    folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC)
    folder.change('version="1"', 'version="2"')
    said = folder.waystation("check")
    assert said.code == 1
    assert "r1  approval (version 1)" in said.out
    assert "'approval' in version '1' is not registered" in said.out
    (misfit,) = folder.waystation("check", "--json").json["misfits"]
    assert misfit["version"] == "1"


def test_a_check_takes_over_nothing_and_writes_nothing(folder: Folder) -> None:
    folder.change("async def review(doc", "async def review_(doc")
    folder.change(
        "def publish(status",
        "async def review(doc: Doc) -> Status:\n    import os\n    os._exit(9)\n@step\ndef publish(status",
    )
    died = folder.process("run", "approval", "--run-id", "r1", "--input", DOC)
    assert died.code == 9, "its process dies in a step"
    before = folder.waystation("show", "r1", "--json").json
    assert before["status"] == "running"
    assert folder.waystation("check").code == 0
    assert folder.waystation("show", "r1", "--json").json == before


def test_an_app_that_cannot_be_loaded_is_no_answer_to_the_check(folder: Folder) -> None:
    assert folder.waystation("check", app="shop:none").code == 2
    (folder.path / "broken.db").write_bytes(b"this is no database, and longer than a header would be" * 40)
    assert folder.waystation("check", "--store", "sqlite:///broken.db").code == 7
