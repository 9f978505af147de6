"""How a fleet scales, and what placing a run and parking one costs: ``python -m benchmarks.fleet``."""
