"""Which connections become the card's, and when (behaviour file, 5.4)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.offload.terminator import Offload
from conformance.api import variants
from conformance.driver_bench import driver_case
from conformance.suites.offload.rig import DIGESTS, Rig, pages_of
from iscsi_wire.constants import OPCODE_MASK, Opcode
from iscsi_wire.records import OffloadRecord, PduRecord

Make = Callable[..., Rig]
MODES = [Offload.AUTO, Offload.NIC, Offload.ULP, Offload.CRC]


@driver_case("off-entry-01", behaviour="5.4")
@variants("header", ["None", "CRC32C"])
@variants("data", ["None", "CRC32C"])
def test_connection_is_made_one_of_iscsi_first(make_rig: Make, header: str, data: str) -> None:
    """CPL_SET_TCB_FIELD with type 2 and the digests, then its answer, then the first PDU of full feature phase."""
    rig = make_rig(keys=DIGESTS, login={"HeaderDigest": header, "DataDigest": data})
    rig.session.nop(b"ping")
    order = [_kind(record) for record in rig.bench.records]
    first = [kind for kind in order if kind][:3]
    rig.bench.expect_equal("order", first, ["CPL_SET_TCB_FIELD", "CPL_SET_TCB_RPL", "PDU"])
    line = rig.card.messages("CPL_SET_TCB_FIELD")[0]
    rig.bench.expect_equal("ulp type 2", " ulp type 2 " in line, True)
    digests = ("ULP_CRC_HEADER" in line, "ULP_CRC_DATA" in line)
    rig.bench.expect_equal("digests", digests, (header != "None", data != "None"))
    sent = rig.card.messages("FW_OFLD_TX_DATA_WR")[0]
    rig.bench.expect_equal("digests of what is sent", ("ULP_CRC_HEADER" in sent, "ULP_CRC_DATA" in sent), digests)


def _kind(record: object) -> str:
    """What a record says of the order of things: a message by its name, a PDU sent in full feature phase."""
    if isinstance(record, OffloadRecord) and record.message.startswith("CPL_SET"):
        return record.message
    if not isinstance(record, PduRecord) or (record.source, record.direction) != ("target", "out"):
        return ""
    return "" if record.header[0] & OPCODE_MASK == Opcode.LOGIN_RESPONSE else "PDU"


@driver_case("off-entry-02", behaviour="5.4")
@variants("mode", MODES, ids=[mode.value for mode in MODES])
def test_discovery_stays_with_the_host(make_rig: Make, mode: Offload) -> None:
    """A discovery session never runs over the card, whatever the mode."""
    rig = make_rig(module={"offload": mode})
    session = rig.bench.initiator.discover()
    records = session.send_targets()
    rig.bench.expect_equal("targets", [record.name for record in records], [rig.bench.name])
    rig.bench.expect_equal("messages", rig.card.messages(), [])
    rig.bench.expect_equal("connections on the card", len(rig.card.terminator.connections), 0)


@driver_case("off-entry-03", behaviour="5.4")
@variants("mode", MODES, ids=[mode.value for mode in MODES])
def test_third_party_targets_are_always_in_ulp_mode(make_rig: Make, mode: Offload) -> None:
    """Connections of third-party targets are offloaded, and their data placed, whatever iscsi_offload_mode says."""
    rig = make_rig(module={"offload": mode})
    rig.write("page", pages_of(4096, 4)).finish().expect_placed()
    rig.bench.expect_equal("offloaded", rig.card.information().offloaded, True)


@driver_case("off-entry-04", behaviour="5.4")
def test_no_adapter_places_nothing(make_rig: Make) -> None:
    """Without an adapter nothing is offloaded, and all ends right."""
    rig = make_rig(module={"offload": Offload.OFF})
    rig.write("page", pages_of(4096, 4)).finish()
    info = rig.card.information()
    found = (info.offloaded, info.ddp_pass, info.ddp_fail, info.placed_bytes, info.copied_bytes)
    rig.bench.expect_equal("offloaded and counters", found, (False, 0, 0, 0, 0))
    rig.bench.expect_equal("messages", rig.card.messages(), [])


@driver_case("off-entry-05", behaviour="5.4")
def test_failed_login_takes_no_place_on_the_card(rig: Rig) -> None:
    """A login that fails never comes to the card; one that succeeds behind it does."""
    result = rig.bench.initiator.session().attempt_login(keys={"TargetName": f"{rig.bench.name}.none"})
    rig.bench.expect_equal("the login fails", result.succeeded, False)
    rig.bench.expect_equal("messages", rig.card.messages(), [])
    rig.write("page", pages_of(4096, 1)).finish().expect_placed()


@driver_case("off-entry-06", behaviour="5.4")
def test_tids_are_given_again(rig: Rig) -> None:
    """A connection that ended leaves its tid; connections that are there together have different ones."""
    tids = [rig.card.information(0).tid for _ in (rig.session,)]
    rig.other_session.nop()
    tids += [rig.card.information(1).tid]
    rig.bench.expect_equal("different tids", len(set(tids)), 2)
    rig.session.connection.close()
    rig.bench.stage.settle()
    rig.bench.expect_equal("tids left", sorted(rig.card.terminator.connections), tids[1:])
