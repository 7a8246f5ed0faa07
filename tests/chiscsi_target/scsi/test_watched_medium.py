from __future__ import annotations

import mmap

from chiscsi_target.api.medium import AnchoringMedium
from chiscsi_target.drivers.memory_medium import MemoryMedium
from chiscsi_target.drivers.null import NullMedium
from chiscsi_target.scsi.watched_medium import WatchedMedium

SIZE = 1 << 16


def test_what_is_about_to_change_is_told_before() -> None:
    inner = MemoryMedium(memoryview(mmap.mmap(-1, SIZE)))
    told: list[tuple[int, int, bytes]] = []
    medium = WatchedMedium(inner, lambda offset, length: told.append((offset, length, inner.read(offset, 1))))
    anchoring: object = medium
    assert isinstance(anchoring, AnchoringMedium)
    assert medium.thin and medium.anchors
    medium.write(512, b"a" * 1024)
    medium.anchor(512, 512)
    medium.discard(1024, 512)
    assert told == [(512, 1024, b"\0"), (512, 512, b"a"), (1024, 512, b"a")]
    assert medium.read(0, 2048) == inner.read(0, 2048) == bytes(2048)
    assert medium.anchored(512) == (True, 512) and medium.extent(4096)[0] is False
    medium.flush()


def test_a_medium_that_cannot_anchor_is_still_one() -> None:
    assert not WatchedMedium(NullMedium(), lambda offset, length: None).anchors
