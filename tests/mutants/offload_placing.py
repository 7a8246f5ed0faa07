"""Where data of an offloaded connection go: pages, pods, tags, failures (behaviour file, 5.1 to 5.3)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE, SC_FLAG_CMD_ABORT
from chiscsi_target.core import buffers, data_path
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.task import EXECUTING, Task
from chiscsi_target.engine import completions
from chiscsi_target.offload import page_pods, ulp_connection
from chiscsi_target.offload.dma import DmaMap
from chiscsi_target.offload.journal import Journal
from chiscsi_target.offload.page_list import PageList
from chiscsi_target.offload.page_pods import PagePods
from chiscsi_target.offload.pdu_recovery import Arrival
from chiscsi_target.offload.reasons import Reason
from chiscsi_target.offload.tags import TagLayout
from chiscsi_target.offload.terminator import Terminator
from chiscsi_target.offload.transfer import Transfer
from chiscsi_target.offload.ulp_connection import UlpConnection
from tests.mutants.planting import Original, Plant, mutant


def _without_pods(transfer_: Transfer) -> None:
    transfer_.reason = transfer_.reason or Reason.NO_PODS


@mutant(
    "guide, Requirement for DDP",
    "off-eligible-01 off-eligible-02 off-eligible-08 off-eligible-11 off-digest-01.8192-page-None-None "
    "off-entry-03 off-entry-05 off-split-03 off-pods-05 off-pods-07 off-reuse-08 off-reuse-10",
)
def nothing_is_placed(plant: Plant) -> None:
    """All data are copied that can be."""

    def prepare(original: Original, connection: UlpConnection, held: Transfer) -> None:
        _without_pods(held)

    plant.wrap(UlpConnection, "_prepare", prepare)


@mutant("guide, Requirement for DDP", "off-eligible-02 off-eligible-07.single off-eligible-08")
def phases_are_judged_one_by_one(plant: Plant) -> None:
    """The rule is applied to each phase by itself: one that ends inside a page ends the placement."""

    def add(original: Original, pages: PageList, vectors: Any) -> None:
        original(pages, vectors)
        if len(pages.addresses) > 1 and pages.reason is None:
            pages.reason, pages.culprit = Reason.NOT_FULL_PAGES, 1

    plant.wrap(PageList, "add", add)


@mutant("guide, Appendix D", "off-eligible-03 off-dma-04")
def broken_lists_are_copied_without_a_message(plant: Plant) -> None:
    """Buffers that are no full pages are not told of."""
    plant.replace(completions, "not_full_pages", lambda *arguments: ())
    plant.wrap(Transfer, "list_pages", lambda original, held: original(held) and None)


@mutant("behaviour file, 5.3", "off-eligible-04 off-tag-02.1024")
def plain_memory_is_placed_into(plant: Plant) -> None:
    """Memory named by sg_addr alone counts as able to do DMA."""

    def address(original: Original, dma: DmaMap, vector: Any) -> int | None:
        found: int | None = original(dma, vector)
        if found is None and vector.sg_addr is not None:
            return dma._map(vector.sg_addr, 0, vector.sg_length)
        return found

    plant.wrap(DmaMap, "address", address)


@mutant("guide, 7.3.5.1", "off-eligible-05 off-dma-06")
def pages_win_over_dma_addresses(plant: Plant) -> None:
    """With both, the page is used."""

    def address(original: Original, dma: DmaMap, vector: Any) -> int | None:
        flag = vector.sg_flag
        if vector.sg_page is not None:
            vector.sg_flag &= ~ISCSI_SG_SBUF_DMABLE
        found: int | None = original(dma, vector)
        vector.sg_flag = flag
        return found

    def mapped(original: Original, vector: Any, *arguments: Any, **rest: Any) -> bool:
        flag = vector.sg_flag
        if vector.sg_page is not None:
            vector.sg_flag &= ~ISCSI_SG_SBUF_DMABLE
        found: bool = original(vector, *arguments, **rest)
        vector.sg_flag |= flag
        return found

    plant.wrap(DmaMap, "address", address)
    plant.wrap(buffers, "map_vector", mapped)


@mutant(
    "behaviour file, 5.3",
    "off-eligible-06.page-511 off-eligible-06.dma-mapped-100 off-dma-01.hook-below-threshold off-dma-03",
)
def short_writes_have_pods(plant: Plant) -> None:
    """There is no threshold."""
    plant.replace(ulp_connection, "PLACE_FROM", 0)


@mutant("behaviour file, 11", "off-eligible-07.multi")
def phases_are_placed_in_release_3_14(plant: Plant) -> None:
    """The quirk multiphase_no_ddp has no effect."""

    def begin(original: Original, connection: UlpConnection, task: Task) -> Transfer:
        held: Transfer = original(connection, task)
        if held.reason is Reason.MULTI_PHASE:
            held.reason = None
        return held

    plant.wrap(UlpConnection, "_begin", begin)


@mutant("guide, 7.3.5.1", "off-eligible-09.4096-page off-eligible-09.512-dma")
def lengths_are_never_looked_at_again(plant: Plant) -> None:
    """A transfer that the driver shortens keeps the length that it began with."""

    def list_pages(original: Original, held: Transfer) -> Any:
        total = held.pages.total
        length, held.task.sc_xfer_len = held.task.sc_xfer_len, total
        try:
            return original(held)
        finally:
            held.task.sc_xfer_len = length

    plant.wrap(Transfer, "list_pages", list_pages)


@mutant("behaviour file, 3.5", "off-eligible-10.third-page off-eligible-10.third-dma-mapped")
def empty_vectors_are_pages(plant: Plant) -> None:
    """A vector of no octets is listed as a page."""

    def goes_on(original: Original, pages: PageList, vector: Any) -> bool:
        if vector.sg_length:
            return bool(original(pages, vector))
        pages.addresses += pages.addresses[-1:]
        return True

    plant.wrap(PageList, "_goes_on", goes_on)


@mutant("behaviour file, 5.2", "off-tag-01 off-tag-05.page-4")
def tags_of_a_command_are_alike(plant: Plant) -> None:
    """R2TSN is not in the tag."""

    def tag(original: Original, layout: TagLayout, index: int, colour: int, r2t_sn: int = 0) -> int:
        return int(original(layout, index, colour, 0))

    def other(original: Original, number: int, r2t_sn: int = 0) -> int:
        return int(original(number, 0))

    plant.wrap(TagLayout, "ddp_tag", tag)
    plant.wrap(ulp_connection, "software_tag_of", other)


@mutant("behaviour file, 5.2", "off-tag-02 off-status-03.page-marker")
def marker_is_one_bit_higher(plant: Plant) -> None:
    """The marker of other tags is not where the card looks for it."""

    def tag(original: Original, layout: TagLayout, software_tag: int) -> int:
        return software_tag | layout.marker << 1

    plant.wrap(TagLayout, "non_ddp_tag", tag)
    plant.wrap(TagLayout, "is_ddp", lambda original, layout, value: original(layout, value & ~layout.marker))


@mutant("behaviour file, 5.1", "off-tag-03.0-5 off-tag-03.1024-9")
def fifth_address_is_left_out(plant: Plant) -> None:
    """A pod does not repeat the first address of the next."""

    def write(original: Original, pods: PagePods, held: Any, *arguments: Any) -> None:
        original(pods, held, *arguments)
        for index in range(held.index, held.index + held.count):
            pods.entry(index)[56:] = bytes(8)

    plant.wrap(PagePods, "write", write)


@mutant("behaviour file, 5.2", "off-tag-04 off-reuse-07 off-status-01.page-colour")
def colours_never_change(plant: Plant) -> None:
    """Every use of a pod has the same colour, which nobody compares."""

    def hold(original: Original, pods: PagePods, *arguments: int) -> Any:
        held = original(pods, *arguments)
        held.colour = pods._colours[held.index] = 1
        return held

    plant.wrap(PagePods, "_hold", hold)
    plant.replace(PagePods, "admits", lambda pods, tag, tid, end: pods.header(pods.layout.index(tag)).tid == tid)


@mutant("behaviour file, 5.1", "off-tag-06")
def pods_are_written_behind_the_r2t(plant: Plant) -> None:
    """The memory writes are told after the R2T has been sent."""
    late: list[Any] = []

    def written(original: Original, journal: Any, *arguments: Any) -> None:
        late.append((journal, arguments))

    def sent(original: Original, journal: Any, requests: Any) -> None:
        original(journal, requests)
        while late:
            whose, arguments = late.pop()
            told(whose, *arguments)

    told = Journal.pods_written
    plant.wrap(Journal, "pods_written", written)
    plant.wrap(Journal, "sent", sent)


@mutant("behaviour file, 5.1, 5.2", "off-tag-07 off-pods-01 off-reuse-05 off-reuse-07")
def pods_are_held_for_ever(plant: Plant) -> None:
    """Page pods are never released."""
    plant.wrap(UlpConnection, "_release", lambda original, connection, held: None)


@mutant("behaviour file, 5.2", "off-tag-07 off-pods-01")
def pods_are_held_until_the_status(plant: Plant) -> None:
    """Page pods are released with the command, rather than when its data are in."""

    def forget(original: Original, connection: UlpConnection, task: Task) -> None:
        if task.state >= EXECUTING or task.aborting is not None:
            original(connection, task)

    plant.wrap(UlpConnection, "forget", forget)


@mutant("behaviour file, 3.4", "off-tag-08.tmf-addr off-tag-08.driver-addr")
def tags_of_late_data_are_given_again(plant: Plant) -> None:
    """A new write gets the tag of one that was aborted, whose data may still come."""
    plant.wrap(UlpConnection, "_new_number", lambda original, connection, in_use: original(connection, set()))


@mutant("behaviour file, 5.2", "off-pods-02 off-pods-04")
def full_region_takes_pods_of_others(plant: Plant) -> None:
    """When no pods are free, somebody else's are used."""

    def reserve(original: Original, card: Terminator, pages: int, tid: int) -> Any:
        held = original(card, pages, tid)
        if held is None:
            card.pods._used[:] = bytes(len(card.pods._used))
            held = original(card, pages, tid)
        return held

    plant.wrap(Terminator, "reserve", reserve)


@mutant("behaviour file, 5.1", "off-pods-03.1-False off-pods-03.1023-False")
def any_region_places(plant: Plant) -> None:
    """A device places data however few page pods it has."""
    plant.replace(page_pods, "LEAST_PODS", 0)


@mutant("behaviour file, 5.2", "off-pods-06")
def pods_can_be_released_twice(plant: Plant) -> None:
    """A second release makes the pods of whoever has them now free."""

    def release(original: Original, pods: PagePods, held: Any) -> bool:
        held = pods._held.get(held.index, held)
        return bool(original(pods, held))

    plant.wrap(PagePods, "release", release)


@mutant("behaviour file, 5.3", "off-early-01.page-4096-4096 off-early-02.page off-pods-07")
def unasked_data_count_as_placed(plant: Plant) -> None:
    """Immediate and unsolicited data are counted among the placed ones; the others among the copied ones."""

    def recovered(original: Original, connection: UlpConnection, frames: Any) -> None:
        original(connection, frames)
        connection.placed, connection.copied = connection.copied, connection.placed

    def tell(original: Original, connection: UlpConnection, task: Task, held: Transfer | None) -> None:
        if held is not None and held.placed < task.landed:
            held.placed = task.landed
        elif held is None:
            task.landed = 0
        original(connection, task, held)

    plant.wrap(UlpConnection, "recovered", recovered)
    plant.wrap(UlpConnection, "_tell_of", tell)


@mutant(
    "guide, Appendix D",
    "off-dma-01 off-dma-02.guide off-dma-03 off-dma-04.dma off-early-03 off-pods-04 off-status-02",
)
def data_that_cannot_be_copied_are_lost(plant: Plant) -> None:
    """A write into memory that only the card reaches ends well, whatever became of its data."""
    plant.replace(ulp_connection, "find_unreachable", lambda *arguments: "")

    def scatter(original: Original, task: Task, offset: int, data: Any) -> None:
        if not buffers.find_unreachable(task.phases, offset):
            original(task, offset, data)

    plant.wrap(data_path, "scatter", scatter)


@mutant("behaviour file, 5.3", "off-dma-01")
def failed_data_path_sets_no_flag(plant: Plant) -> None:
    """A write whose data path has failed reaches the driver without SC_FLAG_CMD_ABORT."""

    def give_up(original: Original, task: Task) -> None:
        original(task)
        task.sc_flag &= ~SC_FLAG_CMD_ABORT

    plant.wrap(data_path, "give_up", give_up)


@mutant("behaviour file, 11", "off-dma-02.release-3.14")
def connections_stay_open_in_release_3_14(plant: Plant) -> None:
    """The quirk no_copy_closes has no effect."""

    def drop(original: Original, connection: Connection, reason: str) -> None:
        if "neither" not in reason:
            original(connection, reason)

    plant.wrap(Connection, "drop", drop)


@mutant("behaviour file, 11", "off-dma-03.release-3.14")
def no_tag_closes_the_connection(plant: Plant) -> None:
    """With the quirk no_copy_closes, a write for which no tag can be had closes the connection, too."""

    def give_up(original: Original, task: Task) -> None:
        original(task)
        if task.connection.agenda.quirks.no_copy_closes:
            task.connection.drop("no tag")

    plant.wrap(data_path, "give_up", give_up)


@mutant("guide, 7.3.5.1", "off-dma-05.page-dma off-dma-06 off-digest-02.dma-None-None")
def reads_cannot_use_dma_addresses(plant: Plant) -> None:
    """A read's data are not gathered from memory that only the card reaches."""

    def mapped(original: Original, vector: Any, space: Any, *, by_adapter: bool = False) -> bool:
        return bool(original(vector, space))

    plant.wrap(buffers, "map_vector", mapped)


@mutant("guide, 7.3.5.1", "off-dma-07")
def spaces_are_mixed_up(plant: Plant) -> None:
    """A page of any address space is looked for in the LUN class's."""

    def address(original: Original, dma: DmaMap, vector: Any) -> int | None:
        page = vector.sg_page
        if hasattr(page, "dma_address"):
            return int(page.dma_address + vector.sg_offset)
        found: int | None = original(dma, vector)
        return found

    plant.wrap(DmaMap, "address", address)


@mutant(
    "behaviour file, 5.2",
    "off-same-01.page-write off-same-02.1-page-write off-eligible-01.three-late-8192-page",
)
def late_first_pages_are_forgotten(plant: Plant) -> None:
    """The offset in the first page is left out: data land that much too early."""

    def find(original: Original, held: Transfer, *arguments: Any) -> Any:
        first, held.pages.page_offset = held.pages.page_offset, 0
        found = original(held, *arguments)
        held.pages.page_offset = first
        return found

    for name in ("views", "room"):
        plant.wrap(Transfer, name, find)


@mutant(
    "behaviour file, 3.4, 5.2", "off-reuse-03.page-one-segment off-reuse-04.page-one-segment off-same-01.page-repeated"
)
def data_land_before_the_host_has_looked(plant: Plant) -> None:
    """What has arrived is moved to its place at once, whatever stands before it."""
    settle = Arrival.settle

    def arrived(original: Original, arrival: Arrival, data: Any, views: Any) -> None:
        original(arrival, data, views)
        settle(arrival)

    plant.wrap(Arrival, "__init__", arrived)
    plant.replace(Arrival, "settle", lambda arrival: None)


@mutant("behaviour file, 3.4, 5.2", "off-status-05.in-pieces-16384-page off-status-05.in-pieces-16384-dma")
def card_does_not_ask_who_is_expected(plant: Plant) -> None:
    """A PDU that is still coming in is received where its tag says, whether the host waits for it or not."""
    plant.replace(ulp_connection, "expected_of", lambda connection, frame: frame)
