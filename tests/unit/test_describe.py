"""What a workflow tells about itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.described_flow import charging, every_kind, more, refund
from waystation import Retry, step, workflow
from waystation.define.describe import FORMAT, CanonicalGraph, read_description
from waystation.define.nodes import ROOT_KEY
from waystation.define.workflow import Workflow

ROOT = Path(__file__).resolve().parents[2]


@step
async def first(text: str) -> str:
    return text


@step(suspend=str, resume=bool)
async def end(text: str) -> str:
    """Asks someone."""
    return text


def is_long(text: str) -> bool:
    return len(text) > 10


graph = (
    workflow("w", input=str, output=dict[str, str])
    .then(first)
    .branch([(is_long, end), (lambda text: not text, first.clone(id="other"))], id="fork")
    .commit()
)


# --------------------------------------------------------------------------- Mermaid


def test_the_mermaid_text_of_a_small_graph_is_just_this() -> None:
    assert graph.mermaid() == (
        "flowchart TD\n"
        '    n0(["str"])\n'
        '    n1["first"]\n'
        '    n2{"fork"}\n'
        '    n3{{"end<br/>Asks someone."}}\n'
        '    n4["other"]\n'
        '    n5((" "))\n'
        '    n6(["dict[str, str]"])\n'
        "    n0 --> n1\n"
        "    n1 --> n2\n"
        '    n2 -->|"is_long"| n3\n'
        "    n3 --> n5\n"
        "    n2 --> n4\n"
        "    n4 --> n5\n"
        '    n2 -.->|"none"| n5\n'
        "    n5 --> n6\n"
    )


def test_a_nested_workflow_is_framed_and_a_loop_leads_back() -> None:
    drawn = (
        workflow("w", input=list[int], output=int)
        .foreach(charging)
        .map(sum, output=int)
        .do_while(more, bool)
        .wait_for("paid", int)
        .commit()
    )
    assert drawn.mermaid() == (
        "flowchart TD\n"
        '    n0(["list[int]"])\n'
        '    subgraph n1["foreach-charging<br/>for each item, 1 at once"]\n'
        '        subgraph n2["charging<br/>Take the money"]\n'
        '            n3["charge"]\n'
        '            n4["refund<br/>Give it back."]\n'
        "        end\n"
        "    end\n"
        '    n5[/"map-sum"/]\n'
        '    n6["more"]\n'
        '    n7{"do-while-more<br/>while bool"}\n'
        '    n8>"wait-paid<br/>event paid"]\n'
        '    n9(["int"])\n'
        '    n3 -.->|"undo"| n4\n'
        "    n0 --> n1\n"
        "    n1 --> n5\n"
        "    n5 --> n6\n"
        "    n6 --> n7\n"
        '    n7 -.->|"again"| n6\n'
        "    n7 --> n8\n"
        "    n8 --> n9\n"
    )


def test_every_kind_of_node_is_drawn() -> None:
    drawn = every_kind.mermaid()
    for shape in (
        '[/"parallel-review"\\]',
        '[/"put-back"/]',
        '{"branch-large"}',
        '-->|"is_large"|',
        '{"switch-gift"}',
        '-->|"GIFT"|',
        '-->|"else"|',
        '("sleep-after-map-after-switch-gift<br/>how_long")',
        '("new-year<br/>until 2030-01-01T00:00:00+00:00")',
        '("nap<br/>0:00:01.500000")',
        '["foreach-charging<br/>for each item, 5 at once"]',
        '["foreach-more<br/>for each item"]',
        '{"do-until-grow<br/>until is_enough"}',
        '>"wait-paid<br/>event paid"]',
    ):
        assert shape in drawn, shape
    assert drawn.count("subgraph") == drawn.count("    end\n") == 3


# --------------------------------------------------------------------------- the canonical description


def canonical(described: Workflow[Any, Any]) -> CanonicalGraph:
    found = read_description(described.graph.description)
    assert found is not None
    return found


def test_the_canonical_description_has_every_node_by_the_key_that_the_graph_has_it_by() -> None:
    found = canonical(every_kind)
    assert list(found.every()) == [key for key in every_kind.graph.places if key != ROOT_KEY]
    steps = found.steps()
    assert {"review", "large", "gift", "foreach-charging/charging/charge", "do-until-grow/grow"} <= steps.keys()
    undo = steps["foreach-charging/charging/charge~undo"]
    assert (undo.id, undo.input.name) == ("refund", "int")
    assert found.state is not None
    assert found.state.name == "State"


def test_a_description_of_another_format_is_not_read() -> None:
    data: dict[str, object] = json.loads(every_kind.graph.description)
    assert data["format"] == FORMAT == 2
    assert read_description(json.dumps({**data, "format": 1}).encode()) is None
    assert read_description(b"{}") is None
    assert read_description(b"\xff") is None
    assert read_description(every_kind.graph.description) is not None


def fingerprint(building: Any) -> str:
    return str(building.commit().graph.fingerprint)


def test_what_a_journal_does_not_depend_on_is_not_in_the_fingerprint() -> None:
    def flow(**said: Any) -> Any:
        return workflow("w", input=list[int], output=object, **said)

    plain = fingerprint(flow().foreach(more))
    assert plain == fingerprint(flow(version="2", description="x", retry=Retry(attempts=9)).foreach(more))
    assert plain == fingerprint(flow().foreach(more, concurrency=9))
    retried: Any = step(id="more", retry=Retry(), timeout=timedelta(1))(more.fn)
    assert plain == fingerprint(flow().foreach(retried))

    asked: Any = workflow("w", input=int, output=object)
    assert fingerprint(asked.do_while(more, bool, id="x")) == fingerprint(asked.do_until(more, is_long, id="x"))
    assert fingerprint(asked.sleep(timedelta(1), id="x")) == fingerprint(asked.sleep(timedelta(2), id="x"))
    day = timedelta(1)
    assert fingerprint(asked.wait_for("e", int)) == fingerprint(
        asked.wait_for("e", int, match=bool, timeout=day, default=1)
    )
    assert fingerprint(asked.switch(bool, {True: more}, id="x")) == fingerprint(asked.switch(str, {"a": more}, id="x"))


def test_what_a_journal_depends_on_is_in_the_fingerprint() -> None:
    asked: Any = workflow("w", input=int, output=object)
    again = more.clone(id="again")
    undone: Any = step(id="more", undo=refund)(more.fn)
    inner = workflow("inner", input=int, output=int).then(more).commit()
    longer = workflow("inner", input=int, output=int).then(more).then(again).commit()
    stateful: Any = workflow("w", input=int, output=object, state=dict[str, int])
    different = [
        asked.then(more),
        asked.then(again),
        asked.then(undone),
        asked.then(inner),
        asked.then(longer),
        asked.then(more).then(again),
        asked.parallel([more]),
        asked.parallel([more], allow_failure=True),
        asked.parallel([more, again]),
        asked.parallel([again, more], id="parallel-more"),
        asked.branch([(bool, more)]),
        asked.branch([(bool, more)], id="parallel-more"),
        asked.switch(bool, {True: more}),
        asked.do_while(more, bool),
        asked.map(lambda n: n, id="m"),
        asked.map(lambda n: n, output=int, id="m"),
        asked.sleep(timedelta(1), id="m"),
        asked.wait_for("m", int),
        asked.wait_for("m", str),
        asked.wait_for("n", str, id="wait-m"),
        stateful.then(more),
    ]
    assert len({fingerprint(building) for building in different}) == len(different)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_fingerprint_of_a_workflow_is_the_same_under_every_hash_seed(seed: str) -> None:
    program = (
        "from tests.unit.described_flow import every_kind; from tests.unit.test_describe import graph\n"
        "print(graph.graph.fingerprint, every_kind.graph.fingerprint, every_kind.graph.description.hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    of_every_kind = every_kind.graph
    assert done.stdout.split() == [
        graph.graph.fingerprint,
        of_every_kind.fingerprint,
        of_every_kind.description.hex(),
    ]


# --------------------------------------------------------------------------- the full description


def test_the_full_description_says_of_every_kind_of_node_what_there_is_to_know() -> None:
    described: dict[str, Any] = json.loads(json.dumps(every_kind.describe()))
    assert (described["id"], described["version"], described["state"]["type"]) == ("every-kind", "3", "State")
    assert described["schedules"] == [{"id": "", "cron": "0 9 * * MON", "timezone": "Europe/Paris"}]
    assert described["request_context"] is None
    nodes: dict[str, Any] = {node["id"]: node for node in described["nodes"]}
    assert [node["kind"] for node in described["nodes"]] == [
        *("parallel", "map", "branch", "map", "switch", "map", "sleep", "sleep", "step", "foreach", "foreach"),
        *("map", "loop", "sleep", "wait", "map"),
    ]
    assert nodes["parallel-review"]["allow_failure"] is True
    assert nodes["parallel-review"]["children"][0]["retry"]["attempts"] == 3
    assert [child["condition"] for child in nodes["branch-large"]["children"]] == ["is_large", None]
    switch = nodes["switch-gift"]
    assert (switch["key"], switch["cases"], switch["default"]) == ("kind", [{"key": "GIFT", "child": "gift"}], "rest")
    assert [child["id"] for child in switch["children"]] == ["gift", "rest"]
    assert nodes["sleep-after-map-after-switch-gift"]["seconds"] == {"function": "how_long"}
    assert nodes["new-year"]["until"] == "2030-01-01T00:00:00+00:00"
    assert (nodes["nap"]["seconds"], nodes["nap"]["until"]) == (1.5, None)
    nested = nodes["foreach-charging"]["child"]
    assert (nodes["foreach-charging"]["concurrency"], nested["kind"], nested["id"]) == (5, "workflow", "charging")
    charged = nested["nodes"][0]
    assert (charged["timeout_seconds"], charged["total_timeout_seconds"]) == (5, 60)
    assert (charged["undo"]["id"], charged["undo"]["kind"]) == ("refund", "step")
    assert nodes["foreach-more"]["concurrency"] == {"function": "at_once"}
    loop = nodes["do-until-grow"]
    assert (loop["until"], loop["condition"], loop["child"]["id"]) == (True, "is_enough", "grow")
    wait = nodes["wait-paid"]
    assert (wait["event"], wait["data"]["type"], wait["matches"], wait["match"]) == ("paid", "int", True, None)
    assert (wait["timeout_seconds"], wait["has_default"]) == (86400, True)
    assert nodes["put-back"]["sources"] == {"id": "init.id", "lines": "value [1]"}
    assert described["nodes"][-1]["sources"] == {
        "of": "step lines.0",
        "text": "template '${steps.sum}'",
        "paid": "step review or lines",
    }
    assert described["nodes"][11]["function"] == "sum"
