"""Agents as steps. Works without any agent framework installed, until an agent is given."""

from waystation.agents.create_step import create_step

__all__ = ["create_step"]
