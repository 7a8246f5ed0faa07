"""The bench on which a target's storage-driver API is judged: a case plays both the initiator and the storage driver.

`DriverBench` holds a Target Module of its own, with one node whose classes are scripted: every hook is noted with its
arguments and answered as the case says, at once, later or from another thread. `docs/how-to/write-a-case.md` has an
example; the fixtures are in `conformance.driver_bench.fixtures`.
"""

from conformance.driver_bench.bench import HOW, DriverBench, driver_case
from conformance.driver_bench.buffers import Buffers, make_buffers
from conformance.driver_bench.hooks import HookCall
from conformance.driver_bench.service import Service

__all__ = ["HOW", "Buffers", "DriverBench", "HookCall", "Service", "driver_case", "make_buffers"]
