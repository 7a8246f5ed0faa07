"""ROD tokens of a target that is served: they have the Target Module's random octets, and the workers' time."""

from __future__ import annotations

import pytest

from chiscsi_target.config.pairs import format_buffer
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.rod_tokens import DEFAULT_TIMEOUT
from chiscsi_target.target_module import TargetModule
from iscsi_wire.scsi import RodToken
from tests.chiscsi_target.scsi.copies import completed
from tests.chiscsi_target.stand import NAME

PAIRS = [("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:3260"), ("TargetDevice", "disk,MEM,size=1M")]
EXPIRED = (5, 0x23, 7)


def test_tokens_have_random_octets_and_expire_by_the_workers_time() -> None:
    module = TargetModule(random=lambda count: b"\x5a" * count)
    buffer = format_buffer(PAIRS)
    assert module.chiscsi_target_add(None, NAME, "CHELSIO", buffer, len(buffer)) == 0
    node = module.directory.registry.node(NAME)
    assert node is not None and isinstance(node.hooks, DeviceServer)
    unit = node.hooks.units[0]
    tokens = unit.device.rod_tokens
    worker = module.directory.workers[0]
    worker.run(1000.0)
    token = completed(tokens, unit, b"data").token
    assert RodToken.decode(token).extended_rod_token_data == b"\x5a" * 256
    worker.run(1000.0 + DEFAULT_TIMEOUT)
    assert tokens.find(token).size == 4
    worker.run(2000.0 + 2 * DEFAULT_TIMEOUT)
    with pytest.raises(Refused) as refused:
        tokens.find(token)
    assert refused.value.sense == EXPIRED
