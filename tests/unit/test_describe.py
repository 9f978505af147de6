"""What a workflow tells about itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from waystation import step, workflow

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


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_fingerprint_of_a_workflow_is_the_same_under_every_hash_seed(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from tests.unit.test_describe import graph; print(graph.graph.fingerprint)"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == graph.graph.fingerprint
