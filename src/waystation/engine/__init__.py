"""Drives the core: one run at a time, from journal to journal."""
