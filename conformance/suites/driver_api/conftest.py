from __future__ import annotations

from conformance.driver_bench.fixtures import bench, make_bench, phased_bench

__all__ = ["bench", "make_bench", "phased_bench"]
