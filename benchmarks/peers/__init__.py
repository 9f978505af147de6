"""Those that are measured, one module each. A peer's module is run by the Python of the peers' environment."""
