"""Faults of what is counted (guide 8.4; behaviour file, 1.8)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import data_out
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.counters import Counters, Totals
from chiscsi_target.engine.traffic import Traffic
from chiscsi_target.information import Information
from tests.mutants.planting import Original, Plant, mutant


@mutant("guide, 8.4", "drv-perf-01")
def input_is_counted_in_blocks(plant: Plant) -> None:
    """read_bytes counts blocks of 512 octets."""

    def show(original: Original, self: Counters) -> tuple[int, ...]:
        read, *rest = original(self)
        return read // 512, *rest

    _show(plant, show)


def _show(plant: Plant, show: Any) -> None:
    getter = vars(Counters)["wrapped"].fget
    plant.replace(Counters, "wrapped", property(lambda self: show(getter, self)))


@mutant("guide, 8.4", "drv-perf-02 drv-perf-07 drv-perf-10")
def output_is_not_counted(plant: Plant) -> None:
    """write_bytes stays 0."""

    def show(original: Original, self: Counters) -> tuple[int, ...]:
        read, _, *rest = original(self)
        return read, 0, *rest

    _show(plant, show)


def _begin(plant: Plant, change: Any) -> None:
    """Have the counters changed by `change(counters, immediate)` when a write begins."""

    def begin(original: Original, task: Any, frame: Any, final: bool) -> None:
        original(task, frame, final)
        change(task.connection.counters, len(frame.data), final)

    plant.wrap(data_out, "begin", begin)


@mutant("behaviour file, 1.8", "drv-perf-03.immediate")
def immediate_data_count_with_unsolicited_data_only(plant: Plant) -> None:
    """Immediate data are not counted where no unsolicited data can follow, as in release 3.14."""

    def change(counters: Counters, immediate: int, final: bool) -> None:
        counters.write_bytes -= immediate if final else 0

    _begin(plant, change)


@mutant("behaviour file, 1.8", "drv-perf-03.immediate drv-perf-03.both")
def immediate_data_count_twice(plant: Plant) -> None:
    """Immediate data are counted with their command, and again."""

    def change(counters: Counters, immediate: int, final: bool) -> None:
        counters.write_bytes += immediate

    _begin(plant, change)


@mutant("behaviour file, 1.8", "drv-perf-03.unsolicited drv-perf-03.both")
def unsolicited_data_are_not_counted(plant: Plant) -> None:
    """Unsolicited Data-Out are not counted."""

    def take(original: Original, task: Any, frame: Any, *rest: Any) -> None:
        original(task, frame, *rest)
        task.connection.counters.write_bytes -= len(frame.data)

    plant.wrap(data_out, "_unsolicited", take)


@mutant("behaviour file, 1.8", "drv-perf-04 drv-perf-06")
def reads_are_counted_by_their_data(plant: Plant) -> None:
    """A command that moves no data is not counted."""

    def show(original: Original, self: Counters) -> tuple[int, ...]:
        read, written, read_commands, write_commands = original(self)
        return read, written, read_commands if read else 0, write_commands

    _show(plant, show)


@mutant("behaviour file, 1.8", "drv-perf-05 drv-perf-06")
def input_is_counted_before_it_moves(plant: Plant) -> None:
    """read_bytes is what commands ask for, as soon as they come."""

    def show(original: Original, self: Counters) -> tuple[int, ...]:
        read, written, read_commands, write_commands = original(self)
        return max(read, 4096 * read_commands), written, read_commands, write_commands

    _show(plant, show)


@mutant("guide, 8.4", "drv-perf-07")
def portals_count_their_newest_session(plant: Plant) -> None:
    """A portal's counters are those of the session that came last."""

    def join(original: Original, self: Totals, counters: Counters) -> None:
        self._parts = (Counters(),)
        original(self, counters)

    plant.wrap(Totals, "join", join)


@mutant("behaviour file, 1.8", "drv-perf-08")
def counts_end_with_their_connection(plant: Plant) -> None:
    """What a connection has counted is forgotten when it ends."""

    def left(original: Original, self: Traffic, connection: Connection) -> None:
        connection.counters.__init__()  # type: ignore[misc]  # forgets what was counted
        original(self, connection)

    plant.wrap(Traffic, "left", left)


@mutant("behaviour file, 1.8", "drv-perf-09")
def unknown_portals_have_moved_nothing(plant: Plant) -> None:
    """Where an error is due, the counters are 0."""

    def ask(original: Original, self: Information, *arguments: Any) -> int:
        original(self, *arguments)
        return 0

    plant.wrap(Information, "chiscsi_get_perf_info", ask)


@mutant("guide, 8.4", "drv-perf-10")
def port_0_is_no_port(plant: Plant) -> None:
    """Without a port there is no portal."""

    def ask(original: Original, self: Information, ipv6: bool, address: Any, port: int, info: Any) -> Any:
        return original(self, ipv6, address, port, info) if port else -9

    plant.wrap(Information, "chiscsi_get_perf_info", ask)


@mutant("behaviour file, 1.8", "drv-perf-01 drv-perf-04")
def commands_without_data_are_writes(plant: Plant) -> None:
    """Reads and commands without data count as writes."""

    def show(original: Original, self: Counters) -> tuple[int, ...]:
        read, written, read_commands, write_commands = original(self)
        return read, written, 0, read_commands + write_commands

    _show(plant, show)
