"""Fixtures of the harness's own tests."""

from __future__ import annotations

from tests.conformance.harness.running import bench

__all__ = ["bench"]
