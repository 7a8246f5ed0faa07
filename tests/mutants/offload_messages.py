"""What an offloaded connection says and takes: status, ends, limits, digests (behaviour file, 5.4 to 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chiscsi_target.core import data_out, login
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.offload import segmentation, terminator, ulp_connection
from chiscsi_target.offload.journal import Journal
from chiscsi_target.offload.limits import NO_LIMITS, ULP_PAYLOADS
from chiscsi_target.offload.messages import DdpStatus, UlpSubmode
from chiscsi_target.offload.pdu_recovery import PduRecovery
from chiscsi_target.offload.segmentation import Segmentation, SendRequest
from chiscsi_target.offload.terminator import Offload, Terminator
from chiscsi_target.offload.ulp_connection import UlpConnection
from chiscsi_target.target_module import TargetModule
from iscsi_wire.constants import Opcode
from iscsi_wire.framing import Frame, Framer
from tests.mutants.planting import Original, Plant, mutant


@mutant(
    "behaviour file, 5.5",
    "off-status-01 off-status-02 off-status-03.page-index off-status-07 off-status-08 off-status-09 off-status-10.addr",
)
def status_is_always_placed(plant: Plant) -> None:
    """The card says of every PDU that its data were placed."""
    plant.wrap(UlpConnection, "_status", lambda original, connection, frame: DdpStatus.PLACED)


@mutant("behaviour file, 5.2", "off-status-04 off-status-05")
def any_tag_is_good(plant: Plant) -> None:
    """A Data-Out is taken for the task whose tag it has, on whichever connection and whomever it names."""

    def locate(original: Original, connection: UlpConnection, frame: Frame) -> None:
        for other in connection._card.connections.values():
            views = original(other, frame)
            if views is not None:
                for view, start in zip(views, _starts(views), strict=True):
                    view[:] = bytes(frame.data)[start : start + len(view)].ljust(len(view), b"\0")

    plant.wrap(UlpConnection, "locate", locate)
    plant.replace(UlpConnection, "room", lambda connection, tag, offset, length: None)
    plant.replace(UlpConnection, "_why_not", lambda connection, frame: DdpStatus(0))


def _starts(views: Sequence[memoryview]) -> list[int]:
    return [sum(map(len, views[:number])) for number in range(len(views))]


@mutant("behaviour file, 3.4", "off-status-06.page-4096 off-status-06.dma-4096")
def offsets_are_not_compared(plant: Plant) -> None:
    """Data may come in any order inside a burst."""

    def solicited(
        original: Original, task: Task, frame: Frame, ttt: int, data_sn: int, offset: int, final: bool
    ) -> None:
        request = task.r2ts.get(ttt)
        if request is not None and offset < request.end:
            request.next_offset = offset
        elif request is not None:
            offset = request.next_offset
        original(task, frame, ttt, data_sn, offset, final)

    plant.wrap(data_out, "_solicited", solicited)


@mutant("behaviour file, 5.5", "off-status-07")
def card_checks_no_data_digests(plant: Plant) -> None:
    """A wrong data digest is taken for right."""

    def deliver(original: Original, recovery: PduRecovery, frames: list[Frame]) -> list[Frame]:
        for frame in frames:
            frame.data_digest_error = False
        found: list[Frame] = original(recovery, frames)
        return found

    plant.wrap(PduRecovery, "_deliver", deliver)


@mutant("behaviour file, 5.5", "off-status-08 off-same-04.page-header")
def card_checks_no_header_digests(plant: Plant) -> None:
    """A wrong header digest is taken for right."""

    def frame(original: Original, framer: Framer, *arguments: int) -> Frame:
        found: Frame = original(framer, *arguments)
        if isinstance(framer, PduRecovery):
            found.header_digest_error = False
        return found

    plant.wrap(Framer, "_frame", frame)


@mutant("behaviour file, 5.5", "off-same-04.page-data off-same-04.addr-data off-same-03.page-write")
def digests_cost_the_connection(plant: Plant) -> None:
    """A connection with digests is closed by its first Data-Out with data of 4096 octets or more."""

    def received(original: Original, connection: Connection, frame: Frame) -> None:
        if connection.ulp is not None and connection.framer.data_digest and len(frame.data) >= 4096:
            connection.drop("digests are not supported")
        else:
            original(connection, frame)

    plant.received(Opcode.DATA_OUT, received)


@mutant("behaviour file, 11", "off-status-09")
def padding_always_resets(plant: Plant) -> None:
    """Padding that is not zero resets the connection with the quirk padding_resets off, and not with it on."""

    def deliver(original: Original, recovery: PduRecovery, frames: list[Frame]) -> list[Frame]:
        recovery._padding_matters = not recovery._padding_matters
        try:
            found: list[Frame] = original(recovery, frames)
        finally:
            recovery._padding_matters = not recovery._padding_matters
        return found

    plant.wrap(PduRecovery, "_deliver", deliver)


@mutant("behaviour file, 5.5", "off-status-10.addr")
def copied_data_are_not_announced(plant: Plant) -> None:
    """There is no CPL_ISCSI_DATA."""

    def tell(original: Original, journal: Journal, messages: Any) -> None:
        original(journal, [message for message in messages if type(message).__name__ != "CPL_ISCSI_DATA"])

    plant.wrap(Journal, "_tell", tell)


@mutant("behaviour file, 4.3", "off-reuse-01")
def late_data_are_written(plant: Plant) -> None:
    """What still comes for a write that was aborted is written to the memory that it had."""
    phases: dict[int, Any] = {}

    def send(original: Original, task: Task, length: int) -> None:
        original(task, length)
        phases[task.sc_itt] = list(task.phases)

    def late(original: Original, connection: Connection, frame: Frame) -> None:
        itt = int.from_bytes(frame.header[16:20])
        offset = int.from_bytes(frame.header[40:44])
        task = connection.session.tasks.get(itt) if connection.session else None
        if (task is None or task.failing or task.sc_status) and itt in phases:
            for buf, _, start, _ in phases[itt]:
                _write(buf, offset - start, bytes(frame.data), task or connection)
        original(connection, frame)

    plant.wrap(data_out, "_send_r2t", send)
    plant.received(Opcode.DATA_OUT, late)


def _write(buf: Any, offset: int, data: bytes, whose: Any) -> None:
    session = whose.session
    space = session.hooks.address_space
    for vector in buf:
        page = vector.sg_page
        if vector.sg_dma_addr:
            memory = space.octets(vector.sg_dma_addr, vector.sg_length)
        elif page is not None:
            whole = memoryview(getattr(page, "memory", page))
            memory = whole[vector.sg_offset : vector.sg_offset + vector.sg_length]
        else:
            memory = memoryview(vector.sg_addr)
        if 0 <= offset < len(memory):
            part = data[: len(memory) - offset]
            memory[offset : offset + len(part)] = part
            return
        offset -= len(memory)


@mutant("behaviour file, 4.3", "off-reuse-02.page-driver off-reuse-02.dma-driver")
def data_that_are_coming_in_go_on(plant: Plant) -> None:
    """A PDU that is half received when its write is aborted is received into the same memory to its end."""
    plant.replace(Framer, "divert", lambda framer: None)


@mutant("behaviour file, 1.7", "off-reuse-05 off-entry-06")
def ended_connections_stay_on_the_card(plant: Plant) -> None:
    """The card keeps connections that are gone, with their pods."""
    plant.replace(UlpConnection, "closed", lambda connection: None)
    plant.wrap(UlpConnection, "forget", _forget_if_open)


def _forget_if_open(original: Original, connection: UlpConnection, task: Task) -> None:
    if not task.connection.closing:
        original(connection, task)


@mutant("behaviour file, 1.7", "off-reuse-06")
def pods_are_reserved_for_the_gone(plant: Plant) -> None:
    """A command of a session that is gone, whose driver gives buffers, gets page pods."""

    def release(original: Original, connection: Connection, task: Task) -> None:
        original(connection, task)
        if connection.ulp is not None and task.is_write:
            connection.ulp._card.reserve(4, 0)  # type: ignore[attr-defined]

    plant.wrap(Connection, "release", release)
    plant.wrap(Session, "connection_closed", _reserve_at_the_end)


def _reserve_at_the_end(original: Original, session: Session, connection: Connection, *arguments: Any) -> None:
    original(session, connection, *arguments)
    if connection.ulp is not None:
        connection.ulp._card.reserve(4, 0)  # type: ignore[attr-defined]


@mutant("behaviour file, 4.2", "off-reuse-09")
def refused_aborts_lose_data(plant: Plant) -> None:
    """Data of a write whose abort was asked for are thrown away, though the driver then refuses."""
    lost: set[Task] = set()

    def abort(original: Original, calls: HookCalls, task: Task) -> None:
        lost.add(task)
        original(calls, task)

    plant.wrap(HookCalls, "abort", abort)
    plant.wrap(data_out, "_takes_data", lambda original, task: original(task) and task not in lost)


@mutant(
    "behaviour file, 5.6",
    "off-limit-01.15913-nic off-limit-01.262144-ulp off-limit-02.262144-ulp off-limit-03.ulp off-limit-07.15913",
)
def card_has_no_limits(plant: Plant) -> None:
    """PDUs of offloaded connections are as long as others."""
    for mode in Offload:
        plant.row(terminator._LIMITS, mode, NO_LIMITS)


@mutant("behaviour file, 5.6", "off-limit-03.nic")
def plain_cards_have_the_limits_of_ulp_mode(plant: Plant) -> None:
    """A connection of a plain network card carries no more than one in ULP mode."""
    plant.row(terminator._LIMITS, Offload.NIC, ULP_PAYLOADS)


@mutant("behaviour file, 5.6", "off-limit-04.none-512-262144 off-limit-04.both-12288-262144")
def requests_have_no_bound(plant: Plant) -> None:
    """A request of segmentation sends a whole burst, however long."""
    plant.replace(segmentation, "ISO_PAYLOAD", 1 << 24)
    plant.wrap(SendRequest, "messages", _shortened)


def _shortened(original: Original, request: SendRequest, tid: int, submode: UlpSubmode) -> Any:
    payload, request.payload = request.payload, min(request.payload, 65535)
    found = original(request, tid, submode)
    request.payload = payload
    return found


@mutant("behaviour file, 5.6", "off-limit-04.none-512-8192 off-limit-06.16384")
def requests_go_on_behind_the_burst(plant: Plant) -> None:
    """A request of segmentation is not ended by an F bit."""

    def sent(original: Original, requests: Segmentation, header: bytes, length: int) -> Any:
        return original(requests, header[:1] + bytes([header[1] & 0x7F | (header[1] & 1) << 7]) + header[2:], length)

    plant.wrap(Segmentation, "sent", sent)


@mutant("behaviour file, 5.6", "off-limit-05.4096-8192-4096 off-limit-05.100-12288-24576")
def requests_mix_lengths(plant: Plant) -> None:
    """PDUs of different lengths are sent by one request of segmentation."""
    plant.replace(SendRequest, "takes", lambda request, length: request.payload + length <= 65535)


@mutant("behaviour file, 5.4", "off-entry-01")
def connection_is_made_one_of_iscsi_too_late(plant: Plant) -> None:
    """The answer of the card is not waited for."""
    plant.replace(Journal, "ready", lambda journal: None)


@mutant("behaviour file, 5.4", "off-entry-02")
def discovery_is_offloaded(plant: Plant) -> None:
    """Discovery sessions run over the card as well."""

    def offload(original: Original, connection: Connection, adapter: Terminator) -> None:
        session = connection.session
        if session is not None and session.discovery:
            connection.ulp = UlpConnection(adapter, connection, 77, None, None)
            adapter.connections[77] = connection.ulp
            return
        original(connection, adapter)

    plant.wrap(Connection, "_offload", offload)


@mutant("behaviour file, 5.4", "off-entry-03.nic off-entry-03.crc off-entry-03.auto")
def third_parties_go_by_the_mode(plant: Plant) -> None:
    """Third-party targets are offloaded as iscsi_offload_mode says, like built-in ones."""

    def way(original: Original, card: Terminator, node: Any) -> Offload:
        return card._chosen()

    plant.wrap(Terminator, "_way_of", way)


@mutant("behaviour file, 5.4", "off-entry-04 off-limit-01.262144-off off-limit-02.262144-off off-limit-03.off")
def there_is_always_an_adapter(plant: Plant) -> None:
    """An adapter that is switched off serves all connections."""

    def adapter(original: Original, module: TargetModule, offload: Offload, pods: int) -> Any:
        return original(module, Offload.ULP if offload is Offload.OFF else offload, pods)

    plant.wrap(TargetModule, "_adapter", adapter)


@mutant("behaviour file, 5.4", "off-entry-05")
def failed_logins_leave_a_message(plant: Plant) -> None:
    """A login that fails has been given to the card."""

    def failed(original: Original, this: login.Login, *arguments: Any, **rest: Any) -> Any:
        connection = this.connection
        if connection.agenda.adapter is not None and connection.agenda.listener is not None:
            Journal(connection, 1, None).entered(header_digest=False, data_digest=False)
        return original(this, *arguments, **rest)

    plant.wrap(login.Login, "received", failed)


@mutant("behaviour file, 5.5", "off-split-01.plain-octets-none-page off-split-02.none-page off-split-03")
def coalescing_counts_every_pdu(plant: Plant) -> None:
    """Octets of a PDU that came in pieces are counted once more; placed PDUs that came together are told one by one."""
    plant.replace(ulp_connection, "runs_of_placed", lambda frames: iter([frame] for frame in frames))

    def recovered(original: Original, connection: UlpConnection, frames: list[Frame]) -> None:
        original(connection, frames)
        connection.placed += sum(1 for frame in frames if frame.placed)

    plant.wrap(UlpConnection, "recovered", recovered)


@mutant("behaviour file, 5.5", "off-split-01.ahs-octets-none-page off-split-01.ahs-whole-both-addr")
def additional_headers_are_lost(plant: Plant) -> None:
    """The card leaves additional headers out of what it gives the host."""

    def deliver(original: Original, recovery: PduRecovery, frames: list[Frame]) -> list[Frame]:
        found: list[Frame] = original(recovery, frames)
        for frame in found:
            frame.ahs = b""
        return found

    plant.wrap(PduRecovery, "_deliver", deliver)
