"""Pieces for testing what is built on Waystation, and Waystation itself."""
