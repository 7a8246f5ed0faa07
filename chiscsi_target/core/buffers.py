"""The buffers that a driver hands over: the checks of Appendix D, and moving bytes in and out of them.

The messages are the guide's; section 3.5 of the behaviour file gives their order. The first check that fails decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from chiscsi_target.api.address_space import AddressError, AddressSpace, Region
from chiscsi_target.api.constants import (
    CHISCSI_SG_DMA_ONLY,
    CHISCSI_SG_MAPPED,
    ISCSI_SG_SBUF_DMABLE,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
)
from chiscsi_target.api.sgvec import Memory, SgList, chiscsi_sgvec
from chiscsi_target.core.task import Phase, Task

MOST_PIECES = 512
"""So many receive buffers are filled by one call (IOV_MAX is 1024 on Linux)."""
CHANGED = (ValueError, TypeError, AttributeError, IndexError)
"""What comes of vectors that a driver has made something else of since it handed them over."""
_OVER_OR_UNDER = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
BUFFER_READY = "chiscsi_scsi_cmd_buffer_ready"
EXECUTION_STATUS = "chiscsi_scsi_cmd_execution_status"


def check_given(
    function: str, task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int, multi_phase: bool
) -> str:
    """Judge buffers given for a write, or given with the data of a read.

    Returns:
        The message of the first check that fails, or "" when the buffers are in order.
    """
    total = task.sc_xfer_len
    prefix = f"{function}: {task.name}, "
    end = offset + buflen
    if buf is None:
        return f"{prefix}data buf NULL, {offset}+{buflen}/{total}."
    linear = isinstance(buf, bytes | bytearray | memoryview)
    if sgcnt == 0 and not (linear and offset == 0 and buflen == total and task.given == 0):
        return f"{prefix}sg 0, exp. sgl, {offset}+{buflen}/{total}."
    over = task.sc_flag & SC_FLAG_XFER_OVERFLOW
    under = task.sc_flag & SC_FLAG_XFER_UNDERFLOW
    if over and under:
        return f"{prefix}Overflow/Underflow flag, mutually exclusive."
    if end > total and not over:
        return f"{prefix}buf overflow, {total}!={offset}+{buflen}."
    if end < total and not multi_phase and not under:
        return f"{prefix}buf underflow, {total}!={offset}+{buflen}."
    if offset != task.given:
        return f"{prefix}buf off {offset}+{buflen}, exp. {task.returned}+{task.given - task.returned}."
    held = _length(buf, sgcnt)
    if held != buflen:
        return f"{prefix}buflen does not match, {offset + held}!={offset}+{buflen}."
    return ""


def check_executed(task: Task, offset: int, buflen: int, multi_phase: bool) -> tuple[list[str], int | None]:
    """Judge which part of a write a driver says that it has executed; its buffers may be gone already.

    Returns:
        Messages, and SC_FLAG_XFER_* bits that are set because of them; None for the bits when the call is refused.
    """
    total, end = task.sc_xfer_len, offset + buflen
    prefix = f"{EXECUTION_STATUS}: {task.name}, "
    messages, flags = [], 0
    if end > total:
        messages.append(f"{prefix}buf overflow, {total}!={offset}+{buflen}.")
        flags = SC_FLAG_XFER_OVERFLOW
    elif end < total and not multi_phase:
        messages.append(f"{prefix}buf underflow, {total}!={offset}+{buflen}.")
        flags = SC_FLAG_XFER_UNDERFLOW
    if end > task.returned:
        messages.append(f"{prefix}{offset}+{buflen} > current sgl 0+{task.returned}.")
        return messages, None
    return messages, flags


def plainly_right(task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> bool:
    """Whether this is all of the transfer in one buffer, as it nearly always is: no check can fail then."""
    if offset or task.given or not buflen == task.sc_xfer_len <= task.edtl:
        return False
    if task.sc_flag & _OVER_OR_UNDER or task.sc_status:
        return False
    if sgcnt == 0 and type(buf) is memoryview and not task.is_write:
        return len(buf) == buflen == buf.nbytes
    if sgcnt == 1:
        return (
            type(buf) is list
            and len(buf) == 1
            and buf[0].sg_length == buflen
            and _holds(buf[0].sg_addr, buflen, task.is_write)
        )
    return sgcnt == 0 and _holds(buf, buflen, task.is_write) and len(buf) == buflen  # type: ignore[arg-type]


def _holds(memory: object, length: int, writable: bool) -> bool:
    """Whether this is plain memory of at least `length` octets."""
    if type(memory) is memoryview:
        return memory.nbytes == len(memory) >= length and not (writable and memory.readonly)
    return (type(memory) is bytearray or (type(memory) is bytes and not writable)) and len(memory) >= length


def find_unusable(task: Task, buf: SgList, sgcnt: int) -> str:
    """What makes it impossible to move data in or out of buffers that passed the checks; "" when nothing does.

    The guide has a message for memory that the stack cannot reach (7.3.5.1); the rest would be a crash in a kernel. An
    adapter reaches it: it gathers a read's data from there, and whether it can place a write's is seen when those are
    asked for.
    """
    offloaded, space = task.connection.ulp is not None, address_space_of(task)
    for vector in vectors(buf, sgcnt):
        try:
            if vector.sg_addr is None and not map_vector(vector, space, by_adapter=offloaded and not task.is_write):
                if offloaded and task.is_write:
                    continue
                return cannot_copy(buf, sgcnt, vector)
            view = memory_of(vector)
        except (ValueError, TypeError, AddressError) as error:
            return f"{task.name}, {error}."
        if view.nbytes != vector.sg_length:
            return f"{task.name}, the vector's memory is not made of octets."
        if task.is_write and view.readonly:
            return f"{task.name}, the buffer of a write is read-only."
    return ""


def address_space_of(task: Task) -> AddressSpace | None:
    """What the DMA addresses of a task's driver mean."""
    driver = task.session.hooks if task.sc_lu is None else task.sc_lu.lun_class
    return driver.address_space


def cannot_copy(buf: SgList, sgcnt: int, vector: chiscsi_sgvec) -> str:
    """The guide's line for a vector that is no memory to the stack (Appendix D)."""
    flag = vector.sg_flag & ISCSI_SG_SBUF_DMABLE  # the driver's, without what the stack has put there
    return f"No DDP: sgcnt {sgcnt} sgl 0x{id(buf):x}, sg_flag 0x{flag:x}, sg_addr NULL, Cannot copy data!"


def find_unreachable(phases: Sequence[Phase], start: int) -> str:
    """The line for the first vector from octet `start` on that data cannot be copied to; "" when they all can."""
    for buf, sgcnt, offset, _ in phases:
        position = offset
        with suppress(*CHANGED):
            for vector in vectors(buf, sgcnt):
                position += vector.sg_length
                if position > start and vector.sg_addr is None and vector.sg_mapping is None and vector.sg_page is None:
                    return cannot_copy(buf, sgcnt, vector)
    return ""


def _length(buf: SgList, sgcnt: int) -> int:
    if sgcnt == 0:
        assert isinstance(buf, bytes | bytearray | memoryview)
        return len(buf)
    return sum(vector.sg_length for vector in vectors(buf, sgcnt))


def vectors(buf: SgList, sgcnt: int) -> Sequence[chiscsi_sgvec]:
    """The first `sgcnt` vectors of a scatter-gather list; a linear buffer as a list of one."""
    if isinstance(buf, bytes | bytearray | memoryview):
        return [chiscsi_sgvec(sg_addr=buf, sg_length=len(buf))]
    return buf if len(buf) == sgcnt else buf[:sgcnt]


def map_vector(vector: chiscsi_sgvec, space: AddressSpace | None, *, by_adapter: bool = False) -> bool:
    """Find the memory of a vector without `sg_addr`, to copy to or from it (guide 7.3.5.1; behaviour file, 5.3).

    The DMA address takes precedence over the page. Memory that is only named by a DMA address can be copied to when
    the driver's address space maps it for the stack; otherwise only the adapter can place data there.

    Args:
        vector: the vector.
        space: what DMA addresses mean, or None.
        by_adapter: it is the adapter that moves the data: no DMA address is out of its reach.

    Returns:
        Whether there is memory; it is in `sg_mapping` then.

    Raises:
        AddressError: the DMA address is none of the address space.
        ValueError: the page is too short.
    """
    vector.sg_mapping = None
    page = vector.sg_page
    if vector.sg_flag & ISCSI_SG_SBUF_DMABLE and vector.sg_dma_addr:
        # Behaviour file, 3.1: "set by the stack: DMABLE and no sg_addr".
        vector.sg_flag |= CHISCSI_SG_DMA_ONLY
        reach = None if space is None else space.octets if by_adapter else space.mapping
        vector.sg_mapping = None if reach is None else reach(vector.sg_dma_addr, vector.sg_length)
    if vector.sg_mapping is None and page is not None:
        vector.sg_mapping = _part_of_page(page, vector.sg_offset, vector.sg_length)
    if vector.sg_mapping is None:
        return False
    vector.sg_flag |= CHISCSI_SG_MAPPED
    return True


def memory_of(vector: chiscsi_sgvec) -> memoryview:
    """The octets that a vector describes; a DMA address has been mapped before (`map_vector`).

    Raises:
        ValueError: the vector has no memory, or less of it than its length says.
    """
    memory: Memory | None = vector.sg_addr
    if type(memory) is memoryview and len(memory) == vector.sg_length:
        return memory
    if memory is None:
        memory = vector.sg_mapping
    if memory is None and vector.sg_page is not None:
        return _part_of_page(vector.sg_page, vector.sg_offset, vector.sg_length)
    if memory is None:
        raise ValueError("the vector has neither sg_addr nor sg_page")
    return _part(memory, 0, vector.sg_length)


def _part_of_page(page: Memory | Region, offset: int, length: int) -> memoryview:
    return _part(page.memory if isinstance(page, Region) else page, offset, length)


def _part(memory: Memory, start: int, length: int) -> memoryview:
    view = memoryview(memory)
    end = start + length
    if len(view) < end or not 0 <= start <= end:
        raise ValueError(f"the vector's memory has {view.nbytes} octets, those from {start} to {end} are needed")
    return view if len(view) == length else view[start:end]


def gather(phases: Sequence[Phase], start: int, end: int) -> list[memoryview]:
    """The driver's memory from octet `start` to `end` of the transfer, as it lies, without a copy.

    Raises:
        ValueError: the vectors do not say what they said when they were handed over.
    """
    if len(phases) == 1 and (whole := _in_one_piece(*phases[0], start, end)) is not None:
        if len(whole) != end - start:
            raise ValueError(f"the vector has no longer the octets from {start} to {end}")
        return [whole]
    pieces = []
    for buf, sgcnt, offset, length in phases:
        if offset >= end or offset + length <= start:
            continue
        position = offset
        for vector in vectors(buf, sgcnt):
            following = position + vector.sg_length
            if following > start and position < end:
                view = memory_of(vector)
                pieces.append(view[max(start - position, 0) : min(end, following) - position])
            position = following
    if sum(map(len, pieces)) != end - start:
        raise ValueError(f"the vectors have no longer the octets from {start} to {end}")
    return pieces


def _in_one_piece(buf: SgList, sgcnt: int, offset: int, length: int, start: int, end: int) -> memoryview | None:
    """The same for a phase of one buffer, the common case."""
    if sgcnt == 0:
        view = buf if type(buf) is memoryview else memoryview(buf)  # type: ignore[arg-type]  # linear
    elif sgcnt == 1:
        view = memory_of(buf[0])  # type: ignore[arg-type]  # vectors
    else:
        return None
    return view if start == offset and end == offset + length else view[start - offset : end - offset]


def place(phases: Sequence[Phase], start: int, length: int) -> list[memoryview] | None:
    """The driver's memory for these octets of the transfer, if it is there and in few pieces."""
    try:
        pieces = gather(phases, start, start + length)
    except CHANGED:
        return None
    if len(pieces) > MOST_PIECES or any(piece.readonly or not piece.contiguous for piece in pieces):
        return None
    return pieces


def scatter(phases: Sequence[Phase], start: int, data: bytes | memoryview) -> None:
    """Copy octets that arrived into the driver's memory, from octet `start` of the transfer on."""
    pieces = gather(phases, start, start + len(data))
    if len(pieces) == 1:
        pieces[0][:] = data
        return
    position = 0
    for piece in pieces:
        piece[:] = data[position : position + len(piece)]
        position += len(piece)
