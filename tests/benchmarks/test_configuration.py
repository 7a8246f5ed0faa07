"""The file that loading is measured with is a right one, with all that was asked for."""

from __future__ import annotations

from benchmarks.configuration import PORTALS, file_text, free_ports
from chiscsi_target.config.config_file import parse_file


def test_the_file_is_what_it_claims() -> None:
    ports = free_ports(PORTALS)
    targets = parse_file(file_text(50, ports).encode(), "it.conf").targets
    assert len({target.name for target in targets}) == 50
    for target in targets:
        assert [portal.address.port for portal in target.portals] == ports
        assert target.acl_enable and target.acl and target.chap.configured and target.devices
