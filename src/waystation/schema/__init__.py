"""Schemas: how values of a type are checked, written as JSON, and read back with the same type."""

from waystation.schema.names import type_name
from waystation.schema.protocol import Schema
from waystation.schema.schemas import schema_for

__all__ = ["Schema", "schema_for", "type_name"]
