"""What is printed: errors and warnings always, the rest by the bits of the two numbers."""

from __future__ import annotations

import pytest

from chiscsi_target.core.agenda import DEBUG, ERROR, INFORMATION, WARNING
from chiscsi_target.core.verbosity import Area, Verbosity
from tests.chiscsi_target.stand import Stand


@pytest.mark.parametrize(
    "levels, areas, level, area, printed",
    [
        (0, 0, ERROR, None, True),
        (0, 0, WARNING, None, True),
        (0, 0, INFORMATION, None, False),
        (0x4, 0, INFORMATION, None, True),
        (0xB, 0xFFFFFF, INFORMATION, None, False),
        (0x8, 0, DEBUG, None, True),
        (0x7, 0, DEBUG, None, False),
        (0x8, 0, DEBUG, Area.SCSI, False),
        (0, 1 << 12, DEBUG, Area.SCSI, True),
        (0, 1 << 12, DEBUG, None, True),
        (0x8, 1 << 11, DEBUG, Area.SCSI, False),
    ],
)
def test_bits(levels: int, areas: int, level: int, area: Area | None, printed: bool) -> None:
    assert Verbosity(levels, areas).prints(level, area) is printed


def test_the_guides_example_names_four_areas() -> None:
    """`iscsi_verbose_level=0xf,0xc82000` (guide, Appendix D; behaviour file, section 0)."""
    verbosity = Verbosity(0xF, 0xC82000)
    shown = {area for area in Area if verbosity.prints(DEBUG, area)}
    assert shown == {Area.SCSI_COMMAND, Area.TARGET_API, Area.DDP, Area.PREMAP}


def test_what_is_not_printed_is_recorded_all_the_same() -> None:
    stand = Stand()
    worker = stand.module.directory.login_worker
    lines: list[str] = []
    worker.complain = lines.append
    for level in (ERROR, WARNING, INFORMATION):
        worker.log(level, "line")
    assert lines == ["chiscsi: ERR! line", "chiscsi: WARN! line"]
    stand.module.directory.registry.globals.verbosity.levels = 0x4
    worker.log(INFORMATION, "line")
    assert lines[2:] == ["chiscsi: line"]
