"""A real Restate for tests, and a cluster of three."""

from tests.restate_server.server import RestateCluster, RestateServer

__all__ = ["RestateCluster", "RestateServer"]
