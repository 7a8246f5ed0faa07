"""Units without data."""

from __future__ import annotations

import pytest

from chiscsi_target.api import ReturnCode, chiscsi_lun
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.drivers.null_class import NullLunClass
from chiscsi_target.drivers.options import DEFAULT_SIZE
from chiscsi_target.target_module import TargetModule
from tests.chiscsi_target.fakes import FakeStack, disk

LARGEST = (1 << 63) - 512


@pytest.mark.parametrize("options", ["", "size=4K", f"size={LARGEST}", "size=8M,BLOCK=4096,RO"])
def test_the_size_is_all_it_has(options: str) -> None:
    unit = disk(NullLunClass(), options)
    assert unit.medium is not None and not unit.medium.thin
    assert unit.medium.read(unit.size - 512, 512) == bytes(512)
    mapped, length = unit.medium.extent(0)
    assert mapped and length >= unit.size
    unit.medium.flush()
    assert unit.size == {"": DEFAULT_SIZE, "size=4K": 4096, "size=8M,BLOCK=4096,RO": 8 << 20}.get(options, LARGEST)


def test_writes_are_dropped() -> None:
    unit = disk(NullLunClass(), "size=1M")
    stack = FakeStack(unit.lun_class)
    for data in (None, b"\1" * 512):
        scmd = stack.command(b"\x2a" if data else b"\x28", length=512, write=data is not None)
        scmd.sc_lu = unit
        stack.reset(data or b"")
        assert unit.lun_class.fp_scsi_cmd_cdb_rcved(scmd) == 0
        if data:
            stack.deliver(scmd)
        assert stack.completions == 1 and not any(stack.sent)


def test_a_size_that_is_no_number_of_blocks() -> None:
    lun_class, ebuf = NullLunClass(), bytearray()
    unit = chiscsi_lun(lun_class, 0, "null")
    assert lun_class.fp_config_parse_options(unit, "size=1000", 9, ebuf) == 0
    assert lun_class.fp_attach(unit, ebuf, 256) == -ReturnCode.EINVAL
    assert ebuf == b"size 1000 is not a multiple of the block size 512"


def test_it_is_one_of_the_built_in_classes_and_can_grow() -> None:
    module = TargetModule(1)
    pairs = [("TargetName", "iqn.2026-11.org.example:null"), ("PortalGroup", "1@127.0.0.1:3260")]
    node = module.add_target(parse_target([*pairs, ("TargetDevice", "n,NULL,size=1M")]))
    assert [unit.size for unit in node.luns] == [1 << 20]
    module.reconfigure_target(parse_target([*pairs, ("TargetDevice", "n,NULL,size=2M")]))
    assert [unit.size for unit in node.luns] == [2 << 20]
