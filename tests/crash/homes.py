"""Where the stores of a crash test are: files in a folder, or schemas of a PostgreSQL database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.postgres_server import Databases

EVERYWHERE = os.environ.get("WAYSTATION_CRASH_MATRIX") == "full"
"""Whether what is proved on one store, and by other tests on the other, is repeated there (``make crash-matrix``)."""


@dataclass(frozen=True)
class Home:
    """Gives a test as many stores as it wants, each by a name.

    Attributes:
        folder: for files; what else a test writes is there too.
        database, server: where PostgreSQL keeps them, if it does.
    """

    folder: Path
    database: str = ""
    server: Databases | None = None

    def url(self, name: str = "runs") -> str:
        """The address of the store of that name."""
        return f"sqlite:///{self._file(name)}" if self.server is None else f"{self.database}?schema={name}"

    def run(self, sql: str, name: str = "runs") -> None:
        """Run a statement beside the store, as any other program would."""
        if self.server is not None:
            self.server.execute(self._beside(name), sql)
        else:
            with closing(sqlite3.connect(self._file(name))) as connection, connection:
                connection.execute(sql)

    def look(self, sql: str, name: str = "runs") -> Sequence[tuple[Any, ...]]:
        """What a query beside the store gives."""
        if self.server is not None:
            return self.server.fetch(self._beside(name), sql)
        with closing(sqlite3.connect(self._file(name))) as connection:
            return connection.execute(sql).fetchall()

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    def _beside(self, name: str) -> str:
        return f"{self.database}?search_path={name}"
