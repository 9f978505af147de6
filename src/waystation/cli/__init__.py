"""The ``waystation`` command."""
