"""The ``waystation`` command: start, look at and answer runs from a terminal or a program."""

from waystation.cli.commands import main

__all__ = ["main"]
