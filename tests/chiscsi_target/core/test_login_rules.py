"""What a Login Request may say: its stages, its identity, its text."""

from __future__ import annotations

from itertools import product

import pytest

from chiscsi_target.core.login_rules import MAX_TEXT, RequestText, check_request
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LoginRequest

# RFC 7143, 6.3 and 11.12.3: CSG, NSG of the transitions that there are. Code 2 is reserved.
LEGAL = {(0, 1), (0, 3), (1, 3)}


@pytest.mark.parametrize("csg, nsg", list(product(range(4), range(4))))
def test_stages(csg: int, nsg: int) -> None:
    request = LoginRequest.make(csg=csg, nsg=nsg, transit=1)
    if (csg, nsg) in LEGAL:
        check_request(request, None)
    else:
        with pytest.raises(LoginFailure) as caught:
            check_request(request, None)
        assert (caught.value.status, caught.value.clause) == (LoginStatus.INITIATOR_ERROR, "11.12.3")


@pytest.mark.parametrize("csg, nsg", list(product((0, 1), range(4))))
def test_without_transit_nsg_is_reserved(csg: int, nsg: int) -> None:
    check_request(LoginRequest.make(csg=csg, nsg=nsg), None)


@pytest.mark.parametrize("csg", [2, 3])
def test_stages_in_which_nobody_can_be(csg: int) -> None:
    with pytest.raises(LoginFailure):
        check_request(LoginRequest.make(csg=csg), None)


def test_more_text_and_transit_exclude_each_other() -> None:
    with pytest.raises(LoginFailure) as caught:
        check_request(LoginRequest.make(csg=0, nsg=1, transit=1, continue_=1), None)
    assert caught.value.status == LoginStatus.INITIATOR_ERROR
    check_request(LoginRequest.make(csg=0, continue_=1), None)


@pytest.mark.parametrize("version_min, good", [(0, True), (1, False), (255, False)])
@pytest.mark.parametrize("version_max", [0, 1, 255])
def test_versions(version_min: int, version_max: int, good: bool) -> None:
    """The target speaks version 0 only."""
    request = LoginRequest.make(csg=1, version_min=version_min, version_max=version_max)
    if good:
        check_request(request, None)
    else:
        with pytest.raises(LoginFailure) as caught:
            check_request(request, None)
        assert caught.value.status == LoginStatus.UNSUPPORTED_VERSION


@pytest.mark.parametrize("changed", [{"initiator_task_tag": 2}, {"isid": b"123456"}, {"cid": 2}, {"tsih": 2}], ids=str)
def test_what_must_not_change_during_a_login(changed: dict[str, int]) -> None:
    first = LoginRequest.make(initiator_task_tag=1, isid=b"654321", cid=1, tsih=1)
    same = {"initiator_task_tag": 1, "isid": b"654321", "cid": 1, "tsih": 1}
    check_request(LoginRequest.make(**same), first)
    with pytest.raises(LoginFailure) as caught:
        check_request(LoginRequest.make(**same | changed), first)
    assert caught.value.status == LoginStatus.INITIATOR_ERROR


def frame(data: bytes) -> Frame:
    frame = Frame(0, 3, bytes(48))
    frame.data = data
    return frame


def test_text_may_be_cut_anywhere() -> None:
    whole = b"InitiatorName=iqn.2026-11.org.example:a\0MaxBurstLength=512\0"
    for place in range(len(whole) + 1):
        text = RequestText()
        text.add(frame(whole[:place]))
        text.add(frame(whole[place:]))
        assert text.pairs() == [("InitiatorName", "iqn.2026-11.org.example:a"), ("MaxBurstLength", "512")]


def test_text_is_bounded() -> None:
    """RFC 7143, 6.1: 64 KiB are enough for any negotiation; what exceeds them is refused before it is kept."""
    text = RequestText()
    for _ in range(MAX_TEXT // 8192):
        text.add(frame(bytes(8192)))
    text.add(frame(b""))
    with pytest.raises(LoginFailure):
        text.add(frame(b"x"))


@pytest.mark.parametrize(
    "wrong", [b"Key", b"Key=value", b"=value\0", b"key=value\0", b"Key=\xff\0", b"\0", b"A" * 64 + b"=\0"]
)
def test_malformed_text(wrong: bytes) -> None:
    text = RequestText()
    text.add(frame(b"MaxBurstLength=512\0" + wrong))
    with pytest.raises(LoginFailure) as caught:
        text.pairs()
    assert caught.value.status == LoginStatus.INITIATOR_ERROR
