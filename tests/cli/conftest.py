"""A folder with an app in it, and the command there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.called import Said, at_home, waystation

ROOT = Path(__file__).resolve().parents[2]

APP = """
from pydantic import BaseModel
from waystation import StepContext, Waystation, step, workflow

class Doc(BaseModel):
    document_id: str
class Ask(BaseModel):
    reason: str
class Decision(BaseModel):
    approved: bool
    comment: str | None = None
class Status(BaseModel):
    status: str

@step
def submit(doc: Doc) -> Doc:
    return doc

@step(suspend=Ask, resume=Decision)
async def review(doc: Doc, ctx: StepContext[Ask, Decision]) -> Status:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=f"Approve {doc.document_id}"))
    return Status(status="approved" if ctx.resume_data.approved else "rejected")

@step
def publish(status: Status) -> Status:
    return status
@step
def archive(status: Status) -> Status:
    return status

@step
def check(doc: Doc) -> Status:
    if doc.document_id == "BAD":
        raise ValueError("cannot read it")
    return Status(status="fine")

approval = workflow("approval", input=Doc, output=Status).then(submit).then(review).commit()
checked = workflow("checked", input=Doc, output=Status).then(check).commit()
sorted_out = (
    workflow("sorted", input=Doc, output=dict[str, Status])
    .then(check)
    .branch([(lambda s: s.status == "fine", publish), (lambda s: s.status != "fine", archive)])
    .commit()
)
app = Waystation(workflows=[approval, checked, sorted_out], store="sqlite:///runs.db")
not_an_app = 7
"""


@dataclass(frozen=True)
class Folder:
    """A folder with ``shop.py`` in it."""

    path: Path

    def waystation(
        self,
        *arguments: str,
        app: str | None = "shop:app",
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Said:
        """Call the command here, as a process of its own would be called, but for the start of one."""
        named = ["--app", app] if app is not None else []
        with at_home(self.path, self._environment(environment or {})):
            return waystation(*arguments, *named, stdin=stdin)

    def process(self, *arguments: str, app: str | None = "shop:app") -> Said:
        """The command as a process of its own."""
        named = ["--app", app] if app is not None else []
        done = subprocess.run(
            [sys.executable, "-m", "waystation", *arguments, *named],
            cwd=self.path,
            env=self._environment({}),
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def begun(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that is under way, and whose standard input is open."""
        return subprocess.Popen(
            [sys.executable, "-m", "waystation", *arguments, "--app", "shop:app"],
            cwd=self.path,
            env=self._environment({}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("WAYSTATION_")},
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def change(self, old: str, new: str) -> None:
        file = self.path / "shop.py"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "shop.py").write_text(APP, encoding="utf-8")
    return Folder(tmp_path)
