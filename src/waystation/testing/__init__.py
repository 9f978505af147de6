"""Pieces for testing what is built on Waystation, and Waystation itself."""

from waystation.testing.virtual_clock import VirtualClock

__all__ = ["VirtualClock"]
