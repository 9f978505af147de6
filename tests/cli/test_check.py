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
