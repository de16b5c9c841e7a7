"""How fast it is, in ratios of one run: ``python -m benchmarks``."""
