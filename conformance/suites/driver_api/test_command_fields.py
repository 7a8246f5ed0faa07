"""What chiscsi_scsi_command says of the PDU it was made from (guide 7.3.5.1)."""

from __future__ import annotations

from chiscsi_target.api import SC_FLAG_IMMEDIATE_CMD, SC_FLAG_READ, SC_FLAG_WRITE
from conformance.api import ScsiCommand, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.suites.blocks import pattern
from iscsi_wire.scsi import Read10, TestUnitReady


@driver_case("drv-field-01", guide="7.3.5.1", behaviour="3.1")
@variants("lun", [0, 1, 255, 256, 16383])
def test_lun_is_decoded(bench: DriverBench, lun: int) -> None:
    """sc_lun is the number that the LUN field means, by peripheral or by flat space addressing."""
    _, sc = bench.begin_no_data(lun=lun)
    assert sc.sc_lun == lun, f"sc_lun {sc.sc_lun}"


@driver_case("drv-field-02", guide="7.3.5.1", behaviour="3.1")
def test_cdb_and_numbers_are_the_pdus(bench: DriverBench) -> None:
    """sc_cmd, sc_cmdlen, sc_itt, sc_CmdSN and sc_xfer_len are what stands in the SCSI Command PDU."""
    cdb = Read10.make(logical_block_address=0x01020304, transfer_length=8).encode()
    task = bench.session.start(cdb, read=4096, initiator_task_tag=0x12345678)
    sc = bench.expect_hook("fp_scsi_cmd_cdb_rcved").sc
    assert bytes(sc.sc_cmd) == cdb.ljust(16, b"\0"), f"sc_cmd {bytes(sc.sc_cmd).hex()}"
    found = (sc.sc_cmdlen, sc.sc_itt, sc.sc_CmdSN, sc.sc_xfer_len)
    assert found == (16, 0x12345678, task.cmd_sn, 4096), f"sc_cmdlen, sc_itt, sc_CmdSN, sc_xfer_len are {found}"


@driver_case("drv-field-03", guide="7.3.5.1", behaviour="3.1")
@variants("attribute", [0, 1, 2, 3, 4], ids=["untagged", "simple", "ordered", "head-of-queue", "aca"])
def test_attribute_is_the_pdus(bench: DriverBench, attribute: int) -> None:
    """sc_attribute is the PDU's ATTR field."""
    _, sc = bench.begin_no_data(attr=attribute)
    assert sc.sc_attribute == attribute, f"sc_attribute {sc.sc_attribute}"


@driver_case("drv-field-04", guide="7.3.5.1", behaviour="3.1")
def test_direction_is_in_the_flags(bench: DriverBench) -> None:
    """SC_FLAG_WRITE stands for the W bit; a command without it, with or without data, is marked SC_FLAG_READ."""
    both = SC_FLAG_READ | SC_FLAG_WRITE
    flags = [
        sc.sc_flag & both for _, sc in (bench.begin_read(512), bench.begin_write(bytes(512)), bench.begin_no_data())
    ]
    assert flags == [SC_FLAG_READ, SC_FLAG_WRITE, SC_FLAG_READ], f"read, write, no data: {flags}"


@driver_case("drv-field-05", guide="7.3.5.1", behaviour="3.1")
@variants("immediate", [0, 1], ids=["numbered", "immediate"])
def test_immediate_command_is_marked(bench: DriverBench, immediate: int) -> None:
    """SC_FLAG_IMMEDIATE_CMD stands for the I bit."""
    _, sc = bench.begin_no_data(immediate=immediate)
    assert bool(sc.sc_flag & SC_FLAG_IMMEDIATE_CMD) == bool(immediate), f"sc_flag {sc.sc_flag:#x}"


@driver_case("drv-field-06", guide="7.3.5.1")
def test_endpoints_are_the_connections(bench: DriverBench) -> None:
    """sc_ieps is the TCP 4-tuple of the connection that the command came on."""
    _, sc = bench.begin_no_data()
    words = next(str(getattr(record, "event", "")) for record in bench.initiator.exchange.records)
    assert words == f"connected {sc.sc_ieps.iaddr} -> {sc.sc_ieps.taddr}", f"sc_ieps {sc.sc_ieps}"


@driver_case("drv-field-07", guide="7.3.5.1", behaviour="3.1")
def test_drivers_own_field_is_left_alone(bench: DriverBench) -> None:
    """sc_sdev_hdl is the driver's: what it puts there it finds in every later hook of the command."""
    mine = object()
    task, sc = bench.begin_write(pattern(4096))
    sc.sc_sdev_hdl = mine
    bench.serve_write(task, sc)
    end = bench.expect_hook("fp_scsi_cmd_cleanup", sc)
    assert end.sc.sc_sdev_hdl is mine, f"sc_sdev_hdl {end.sc.sc_sdev_hdl}"


@driver_case("drv-field-08", guide="7.3.5.1", behaviour="3.2")
def test_length_without_direction_is_no_length(bench: DriverBench) -> None:
    """A command with neither R nor W has no data, whatever its Expected Data Transfer Length: sc_xfer_len is 0."""
    bench.session.send(ScsiCommand, cdb=TestUnitReady().encode(), expected_data_transfer_length=512, final=1)
    sc = bench.expect_hook("fp_scsi_cmd_cdb_rcved").sc
    assert sc.sc_xfer_len == 0, f"sc_xfer_len {sc.sc_xfer_len}"


@driver_case("drv-field-09", guide="7.3.5.1", behaviour="3.2")
def test_bidirectional_command_never_reaches_the_driver(bench: DriverBench) -> None:
    """A command with both R and W is rejected; the driver does not see it."""
    bench.session.send(ScsiCommand, cdb=bytes(16), read=1, write=1, final=1, expected_data_transfer_length=512)
    bench.session.expect(expect.rejected(5))
    bench.expect_no_hook()


@driver_case("drv-field-10", behaviour="3.2")
def test_hooks_come_in_the_order_of_command_numbers(bench: DriverBench) -> None:
    """Commands reach the driver in the order of their CmdSN, not of their arrival."""
    session = bench.session
    with session.connection.held() as held:
        first = session.start(TestUnitReady())
        second = session.start(TestUnitReady())
        held.reverse()
    bench.stage.settle()
    order = [call.sc.sc_itt for call in bench.hooks.waiting if call.name == "fp_scsi_cmd_cdb_rcved"]
    assert order == [first.tag, second.tag], f"tags in the order {order}"


@driver_case("drv-field-11", behaviour="3.2")
def test_command_outside_the_window_never_reaches_the_driver(bench: DriverBench) -> None:
    """A command whose CmdSN is outside the window is dropped: the driver does not see it."""
    session = bench.session
    session.start(TestUnitReady(), cmd_sn=session.numbering.max_cmd_sn + 1)
    session.expect(expect.silently_ignored())
    bench.expect_no_hook()
