"""Random sequences of medium commands from two initiators end, each of them, as a simple model of a disk says.

A failure prints its seed: `play(KINDS["thin"], seed=..., commands=...)` repeats it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chiscsi_target.api import chiscsi_lun, chiscsi_scsi_command, chiscsi_target_lun_class
from chiscsi_target.api.sgvec import SgList
from chiscsi_target.drivers.file import FileLunClass
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.scsi.logical_unit import LogicalUnit
from tests.chiscsi_target.fakes import FakeStack, Outcome, disk
from tests.chiscsi_target.scsi.model import Model
from tests.chiscsi_target.scsi.moves import Move, draw
from tests.chiscsi_target.scsi.rig import Rig

OCTETS = 1 << 20
COMMANDS, SEEDS = 5000, (1, 2)
FOUND_WITHIN = 3000
PATIENCE = 10.0
GET_LBA_STATUS = 0x9E


@dataclass(frozen=True)
class Kind:
    """A kind of logical unit: options of its TargetDevice line, and what the model has to know of it."""

    lun_class: type[chiscsi_target_lun_class]
    options: str
    block: int = 512
    thin: bool = True
    read_only: bool = False

    def unit(self, folder: Path) -> chiscsi_lun:
        if self.lun_class is MemoryLunClass:
            return disk(MemoryLunClass(), f"size=1M{self.options}")
        path = folder / "disk"
        path.write_bytes(bytes(OCTETS))
        return disk(self.lun_class(), self.options, path=str(path))


KINDS = {
    "thin": Kind(MemoryLunClass, ""),
    "thick": Kind(MemoryLunClass, ",THICK", thin=False),
    "4096": Kind(MemoryLunClass, ",BLOCK=4096", block=4096),
    "read-only": Kind(MemoryLunClass, ",RO", read_only=True),
    "file": Kind(FileLunClass, ""),
    "thick-file-4096": Kind(FileLunClass, "THICK,BLOCK=4096", block=4096, thin=False),
}


class PatientStack(FakeStack):
    """A stack that waits until a command is completed, by whatever thread."""

    def __init__(self, lun_class: chiscsi_target_lun_class) -> None:
        super().__init__(lun_class)
        self.ends = threading.Semaphore(0)

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        result = super().execution_status(scmd, buf, sgcnt, offset, buflen)
        self.ends.release()
        return result

    def await_end(self) -> None:
        assert self.ends.acquire(timeout=PATIENCE), "a command never ends"


@pytest.fixture(autouse=True)
def nothing_has_to_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushes take their time, and what they are good for has a test of its own."""
    monkeypatch.setattr(os, "fdatasync", lambda _fd: None)


class Game:
    """A disk and its model, side by side."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.unit = kind.unit(folder)
        self.rig = Rig(self.unit)
        self.rig.stack = PatientStack(self.rig.server)
        self.model = Model(kind.block, OCTETS // kind.block, kind.thin, kind.read_only)
        for session in self.model.sessions:
            name = f"iqn.2026-11.org.example:{session}"
            self.rig.server.session_added(session, name, bytes((0x80, 0, 0, 0, 0, session)), "iqn.t")

    def play(self, seed: int, commands: int) -> None:
        """Play to the end; an AssertionError tells which command of which seed went wrong."""
        random = Random(seed)
        for number in range(commands):
            move = draw(random, self.model)
            wanted = move.expected(self.model)
            found = self.rig.stack.run(move.cdb, data=move.data, length=move.length, session=move.session)
            where = f"seed {seed}, command {number}: {move.cdb.hex(' ')} of session {move.session}"
            assert (found.status, found.sense) == (wanted.status, wanted.sense), where
            assert wanted.data is None or found.data == wanted.data, where
            self.check_extents(move, found, where)
            if number % 500 == 499:
                assert self.medium() == self.model.octets, f"{where}, or one of the 500 before it"
        assert self.medium() == self.model.octets, f"seed {seed}"

    def medium(self) -> bytes:
        assert self.unit.medium is not None
        return self.unit.medium.read(0, OCTETS)

    def check_extents(self, move: Move, found: Outcome, where: str) -> None:
        """What GET LBA STATUS tells: extents without gaps; blocks that are not mapped hold zeros (LBPRZ)."""
        if move.cdb[0] != GET_LBA_STATUS or found.status:
            return
        following = int.from_bytes(move.cdb[2:10])
        for at in range(8, len(found.data), 16):
            lba, count = int.from_bytes(found.data[at : at + 8]), int.from_bytes(found.data[at + 8 : at + 12])
            assert lba == following and count, where
            assert not found.data[at + 12] & 0xF or not any(self.model.at(lba, count)), where
            following += count


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", KINDS)
def test_every_command_ends_as_the_model_says(name: str, seed: int, tmp_path: Path) -> None:
    Game(KINDS[name], tmp_path).play(seed, COMMANDS)


def test_there_are_fifty_thousand_commands() -> None:
    assert len(KINDS) * len(SEEDS) * COMMANDS >= 50_000


def test_a_seed_repeats_its_commands(tmp_path: Path) -> None:
    sequences = []
    for _ in range(2):
        model, random = Model(512, 2048), Random(7)
        moves = [draw(random, model) for _ in range(100)]
        sequences.append([(move.session, move.cdb, move.data) for move in moves])
    assert sequences[0] == sequences[1]


# Faults that it has to find

Fault = Callable[[Game, pytest.MonkeyPatch], None]


def _instead(game: Game, code: int, change: Callable[[Callable[..., int], LogicalUnit, Any], int]) -> None:
    """Have the command with an operation code executed by `change(original, unit, sc)`."""
    unit = game.rig.server.units[0]
    handlers = list(unit.handlers)
    original = handlers[code]
    handlers[code] = lambda unit, sc: change(original, unit, sc)
    unit.handlers = tuple(handlers)


def _medium(game: Game, patch: pytest.MonkeyPatch, name: str, change: Callable[..., Any]) -> None:
    """Have a call of the medium done by `change(original, *arguments)`."""
    original = getattr(type(game.unit.medium), name)
    patch.setattr(type(game.unit.medium), name, lambda self, *rest: change(lambda *some: original(self, *some), *rest))


def unmap_forgets_the_last_block(game: Game, patch: pytest.MonkeyPatch) -> None:
    _medium(game, patch, "discard", lambda original, offset, length: original(offset, length - 512))


def writes_lose_their_last_octet(game: Game, patch: pytest.MonkeyPatch) -> None:
    _medium(game, patch, "write", lambda original, offset, data: original(offset, bytes(data)[:-1]))


def nothing_is_mapped(game: Game, patch: pytest.MonkeyPatch) -> None:
    _medium(game, patch, "extent", lambda original, offset: (False, original(offset)[1]))


def comparisons_see_zeros(game: Game, patch: pytest.MonkeyPatch) -> None:
    _medium(
        game,
        patch,
        "read",
        lambda original, offset, length: bytes(length) if offset < 4096 else original(offset, length),
    )


def reads_of_six_octets_are_a_block_off(game: Game, patch: pytest.MonkeyPatch) -> None:
    def shifted(original: Callable[..., int], unit: LogicalUnit, sc: Any) -> int:
        cdb = bytearray(sc.sc_cmd)
        cdb[3] ^= 1
        sc.sc_cmd = bytes(cdb)
        return original(unit, sc)

    _instead(game, 0x08, shifted)


def verify_believes_everything(game: Game, patch: pytest.MonkeyPatch) -> None:
    def believing(original: Callable[..., int], unit: LogicalUnit, sc: Any) -> int:
        cdb = bytearray(sc.sc_cmd)
        cdb[1] &= ~0x06
        sc.sc_cmd, sc.sc_xfer_len = bytes(cdb), 0
        return original(unit, sc)

    _instead(game, 0x2F, believing)


def reservations_stop_nobody(game: Game, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chiscsi_target.scsi.reserve.conflicts", lambda *_: False)


def nobody_is_told_of_a_release(game: Game, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LogicalUnit, "establish_attention", lambda *_: None)


def registrations_are_not_counted(game: Game, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chiscsi_target.scsi.reservations.Reservations.changed", lambda _: None)


FAULTS: tuple[Fault, ...] = (
    unmap_forgets_the_last_block,
    writes_lose_their_last_octet,
    nothing_is_mapped,
    comparisons_see_zeros,
    reads_of_six_octets_are_a_block_off,
    verify_believes_everything,
    reservations_stop_nobody,
    nobody_is_told_of_a_release,
    registrations_are_not_counted,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_and_its_seed_told(fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Game(KINDS["thin"], tmp_path).play(3, FOUND_WITHIN)
    game = Game(KINDS["thin"], tmp_path)
    fault(game, monkeypatch)
    with pytest.raises(AssertionError, match="seed 3"):
        game.play(3, FOUND_WITHIN)
