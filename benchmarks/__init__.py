"""Side-by-side measurements: `python -m benchmarks` for targets, `python -m benchmarks.codec` for formats."""
