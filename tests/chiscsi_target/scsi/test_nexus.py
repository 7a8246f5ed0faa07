from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.scsi.nexus import InitiatorPort, decode_transport_id, encode_transport_id
from chiscsi_target.scsi.refused import Refused

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789.:-", min_size=1, max_size=200).map(lambda text: "iqn." + text)
PORTS = st.builds(InitiatorPort, NAMES, st.one_of(st.none(), st.binary(min_size=6, max_size=6)))


@given(PORTS, st.binary(max_size=8))
def test_a_transport_id_names_its_port_and_ends_on_a_word(port: InitiatorPort, before: bytes) -> None:
    encoded = encode_transport_id(port)
    assert len(encoded) % 4 == 0 and len(encoded) >= 24
    assert decode_transport_id(before + encoded + b"rest", len(before)) == (port, len(encoded))


def test_a_port_as_spc_4_draws_it() -> None:
    encoded = encode_transport_id(InitiatorPort("iqn.a", bytes.fromhex("800000000001")))
    assert encoded == bytes.fromhex("45000018") + b"iqn.a,i,0x800000000001".ljust(24, b"\0")


def test_a_name_without_port_covers_all_of_them() -> None:
    any_port, one = InitiatorPort("iqn.a", None), InitiatorPort("iqn.a", bytes(6))
    assert any_port.covers(one) and one.covers(one)
    assert not one.covers(InitiatorPort("iqn.a", bytes(5) + b"1")) and not one.covers(InitiatorPort("iqn.b", bytes(6)))


@pytest.mark.parametrize(
    "data",
    [
        "45",
        "45000018" + "00" * 10,
        "46000014" + "00" * 20,
        "85000014" + b"iqn.a".ljust(20, b"\0").hex(),
        "45000014" + b"iqn.a".ljust(20, b"\0").hex(),
        "05000018" + b"iqn.a,i,0x800000000001".ljust(24, b"\0").hex(),
        "45000014" + b"iqn.a,i,0x8000".ljust(20, b"\0").hex(),
        "45000014" + b"iqn.a,i,0xzz".ljust(20, b"\0").hex(),
        "05000014" + "ff" * 19 + "00",
        "05000014" + "00" * 20,
    ],
)
def test_malformed_transport_ids(data: str) -> None:
    with pytest.raises(Refused, match="05/26/00"):
        decode_transport_id(bytes.fromhex(data))


@given(st.binary(max_size=64))
def test_any_octets_are_a_port_or_refused(data: bytes) -> None:
    try:
        port, size = decode_transport_id(data)
    except Refused:
        return
    assert port.name and 4 <= size <= len(data)
