"""A store in PostgreSQL: any number of processes on any number of machines.

``store`` is its face, ``connections`` how it reaches the server and tries again, ``schema`` its tables and their
migrations, ``writer`` how what is written at once becomes one commit, ``commits``, ``creations``, ``writes``, ``reads``
and ``schedules`` the statements, ``transactions`` steps' own writes, ``listening`` how processes tell each other,
``failures`` what the server says in the words of this library.
"""

from waystation.store.postgres.settings import PostgresSettings
from waystation.store.postgres.store import PostgresStore

__all__ = ["PostgresSettings", "PostgresStore"]
