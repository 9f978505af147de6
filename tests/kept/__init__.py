"""Servers of tests: real ones, that end when whoever started them does, even by SIGKILL."""

from tests.kept.ports import free_port
from tests.kept.server import PATIENCE, KeptServer

__all__ = ["PATIENCE", "KeptServer", "free_port"]
