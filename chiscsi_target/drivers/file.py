"""`FILE`: a logical unit in a regular file or on a block device, through the page cache."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING, Final

from chiscsi_target.api import (
    ISCSI_SG_SBUF_DMABLE,
    LU_FLAG_DIRECT,
    LU_FLAG_DSYNC,
    LU_FLAG_NONEXCL,
    LU_FLAG_RO,
    LU_FLAG_SYNC,
    LU_FLAG_THICK,
    LUN_CLASS_HAS_CMD_QUEUE_BIT,
    SC_FLAG_CMD_ABORT,
    SC_FLAG_WRITE,
    ReturnCode,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_sgvec,
)
from chiscsi_target.drivers.direct_disk import DirectDisk
from chiscsi_target.drivers.disk import Disk
from chiscsi_target.drivers.file_medium import FileMedium
from chiscsi_target.drivers.kept_files import KeptFiles, keeps_files
from chiscsi_target.drivers.local import LocalLunClass
from chiscsi_target.drivers.null import real_medium, real_tuples
from chiscsi_target.drivers.options import Option, flag, kept_protection, parse_options, protection_information
from chiscsi_target.drivers.tuples_file import TuplesFile, UnusableTuples
from chiscsi_target.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chiscsi_target.api import chiscsi_lun, chiscsi_scsi_command
    from chiscsi_target.api.medium import Medium
    from chiscsi_target.api.sgvec import SgList

__all__ = ["FileLunClass"]

_MEDIUM_ERROR: Final = 0x3
_WRITE_ERROR: Final = 0x0C

_WRITE_6: Final = 0x0A
_READ_6: Final = 0x08
_FUA: Final = 0x08 | 0x02
"""FUA and FUA_NV in octet 1 of a READ or WRITE longer than six octets: there is no cache but a volatile one."""
_IMMED: Final = 0x02


class _Unusable(Exception):
    """The file cannot be a logical unit; the text says why."""


_OPTIONS: Final[Mapping[str, Option]] = {
    "NONEXCL": flag(LU_FLAG_NONEXCL),
    "PI": protection_information,
    "SYNC": flag(LU_FLAG_SYNC),
    "DIRECT": flag(LU_FLAG_DIRECT),
    "DSYNC": flag(LU_FLAG_DSYNC | LU_FLAG_SYNC),
}
_MODES: Final = {LU_FLAG_DIRECT: os.O_DIRECT, LU_FLAG_DSYNC: os.O_DSYNC}
_NOT_FOR_WRITING: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


def _open(lu: chiscsi_lun) -> int:
    """Open the file or device of a logical unit, for it alone."""
    try:
        mode = os.stat(lu.path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise _Unusable("is neither a regular file nor a block device")
        mode = sum(bit for asked, bit in _MODES.items() if lu.flags & asked)
        return os.open(lu.path, mode | os.O_CLOEXEC | (os.O_RDONLY if lu.read_only else os.O_RDWR))
    except OSError as error:
        if error.errno == errno.EINVAL and lu.flags & LU_FLAG_DIRECT:
            raise _Unusable("cannot be read past the page cache; leave out the option DIRECT") from error
        may_read = error.errno in _NOT_FOR_WRITING and not lu.read_only
        advice = "; the option RO exports it without write access" if may_read else ""
        raise _Unusable(f"{error.strerror}{advice}") from error
    except ValueError as error:
        raise _Unusable(str(error)) from error


def _claim(fd: int, lu: chiscsi_lun) -> None:
    """Keep other targets from exporting the file, unless all of them only read."""
    if lu.flags & LU_FLAG_NONEXCL:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_NB | (fcntl.LOCK_SH if lu.read_only else fcntl.LOCK_EX))
    except OSError as error:
        raise _Unusable("is in use by another target; with the option NONEXCL it can be shared") from error


def _measure(fd: int, lu: chiscsi_lun) -> int:
    """Size of the medium in octets."""
    size, block = os.lseek(fd, 0, os.SEEK_END), 1 << lu.sect_shift
    if size == 0:
        raise _Unusable("is empty: a logical unit needs at least one block")
    if size % block:
        raise _Unusable(f"has {size} octets, which is not a multiple of the block size {block}")
    return size


def _resize_tuples(tuples: Medium | None, lu: chiscsi_lun) -> None:
    """Let the protection information follow the size of a logical unit."""
    try:
        if isinstance(tuples, TuplesFile):
            tuples.resize(lu)
    except OSError as error:
        raise _Unusable(f"no room for protection information: {error.strerror}") from error


def _medium(disk: Disk, lu: chiscsi_lun) -> FileMedium:
    """The medium of a logical unit in an open file."""
    thick, alone = bool(lu.flags & LU_FLAG_THICK), not lu.flags & LU_FLAG_NONEXCL
    return FileMedium(disk, writable=not lu.read_only, thick=thick, anchoring=alone)


def _forced(sc: chiscsi_scsi_command) -> bool:
    """Whether a READ or WRITE may not be content with the page cache (SBC-3, FUA)."""
    return bool(sc.sc_cmd[1] & _FUA) and sc.sc_cmd[0] not in (_READ_6, _WRITE_6)


class FileLunClass(LocalLunClass):
    """Keeps its blocks in a file.

    Reads and writes go through the page cache, in the stack's thread. SYNCHRONIZE CACHE, FUA and the option SYNC reach
    the disk: the command is completed from another thread, after an fdatasync that began when its data was written.
    With DSYNC each write reaches it at once, in the stack's thread; with DIRECT there is no page cache on the way.
    Reads are sent from the page cache without a copy when nobody looks at their data on the way (`sc_zero_copy`): the
    kernel reports an input error, or a truncation, to the transport, which ends the connection. What the process itself
    touches is read into buffers: there the same would kill it. So does every read after such an error, so that the
    initiator hears of it by sense data when it tries again.

    What the device server has to keep over a restart is in files beside it (`kept_files`), unless others may share it.
    """

    class_name = "FILE"
    property = 1 << LUN_CLASS_HAS_CMD_QUEUE_BIT

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        """Take SYNC, DSYNC, DIRECT, NONEXCL and the common options."""
        return parse_options(lu, buf, ebuf, _OPTIONS)

    def fp_attach(self, lu: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Open and claim the file, and measure it."""
        fd = -1
        try:
            fd = _open(lu)
            _claim(fd, lu)
            lu.size = _measure(fd, lu)
            lu.tuples = TuplesFile(lu) if lu.protection else None
        except (_Unusable, UnusableTuples) as reason:
            if fd >= 0:
                os.close(fd)
            ebuf += f"{lu.path}: {reason}".encode()
            return -ReturnCode.EINVAL
        lu.priv_data = disk = (DirectDisk if lu.flags & LU_FLAG_DIRECT else Disk)(fd, lu.path, lu.size)
        disk.durable = bool(lu.flags & LU_FLAG_DSYNC)
        lu.medium = _medium(disk, lu)
        if not lu.flags & (LU_FLAG_RO | LU_FLAG_NONEXCL) and keeps_files(lu.path):
            lu.kept = KeptFiles(lu.path)
        return 0

    def fp_reattach(self, lu: chiscsi_lun, lu_new: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Keep the file open, and measure it again: it may have grown."""
        disk: Disk = lu.priv_data
        try:
            if why := kept_protection(lu, lu_new):
                raise _Unusable(why)
            lu_new.size = _measure(disk.fd, lu_new)
            _resize_tuples(real_tuples(lu), lu_new)
        except _Unusable as reason:
            ebuf += f"{lu.path}: {reason}".encode()
            return -ReturnCode.EINVAL
        if lu_new.size != lu.size:
            disk.map(lu_new.size)
            disk.anchors.remove(lu_new.size)
        lu_new.tuples = real_tuples(lu)
        lu_new.priv_data, lu_new.medium, lu_new.kept = disk, real_medium(lu), lu.kept
        if isinstance(lu_new.medium, FileMedium):
            lu_new.medium.keep(thick=bool(lu_new.flags & LU_FLAG_THICK))
        return 0

    def fp_detach(self, lu: chiscsi_lun) -> None:
        """Flush and close the file."""
        disk, tuples, lu.priv_data, lu.tuples = lu.priv_data, real_tuples(lu), None, None
        try:
            if isinstance(tuples, TuplesFile):
                tuples.close()
        finally:
            disk.close()

    def fp_flush(self, lu: chiscsi_lun) -> int:
        """Bring all accepted writes to the disk."""
        try:
            lu.priv_data.flush()
            if lu.tuples is not None:
                lu.tuples.flush()
        except (OSError, DriverError):
            return -ReturnCode.EIO
        return 0

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Execute a READ, provide the buffer of a WRITE, begin a SYNCHRONIZE CACHE."""
        lu = sc.sc_lu
        assert lu is not None
        disk: Disk = lu.priv_data
        length = sc.sc_xfer_len
        if sc.sc_flag & SC_FLAG_WRITE:
            sc.sc_sdev_hdl = buffer = disk.pool.take(length)
            vector = chiscsi_sgvec(buffer, length, sg_flag=ISCSI_SG_SBUF_DMABLE)
            return chiscsi_scsi_cmd_buffer_ready(sc, [vector], 1, 0, length)
        if not length:
            return self._synchronize(disk, sc)
        if disk.dirty and _forced(sc):
            return self._after_flush(disk, sc)
        return _send(disk, sc)

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Execute a WRITE."""
        if not sc.sc_flag & SC_FLAG_WRITE:
            return 0
        lu = sc.sc_lu
        assert lu is not None
        disk: Disk = lu.priv_data
        disk.write(sc.sc_sdev_hdl, sc.sc_lba << lu.sect_shift)
        if not disk.durable and (lu.flags & LU_FLAG_SYNC or _forced(sc)):
            return self._after_flush(disk, sc)
        return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, buflen)

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Give a command up; one that waits for a flush answers after it."""
        disk = sc.sc_lu.priv_data if sc.sc_lu is not None else None
        if disk is not None:
            with disk.lock:
                if sc in disk.waiting:
                    disk.waiting[sc] = False
                    return 0
        return super().fp_scsi_cmd_abort(sc)

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Keep the command's buffer for another one."""
        if sc.sc_lu is None:
            return
        if sc.sc_sdev_hdl is not None:
            sc.sc_lu.priv_data.pool.give(sc.sc_sdev_hdl)
        elif sc.sc_flag & SC_FLAG_CMD_ABORT:
            sc.sc_lu.priv_data.mapped = None

    def _synchronize(self, disk: Disk, sc: chiscsi_scsi_command) -> int:
        if sc.sc_cmd[1] & _IMMED:
            disk.flusher.submit(lambda _error: None)
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        return self._after_flush(disk, sc)

    def _after_flush(self, disk: Disk, sc: chiscsi_scsi_command) -> int:
        """Complete a command when all that was written is safe."""
        disk.waiting[sc] = True
        disk.flusher.submit(lambda error: _flushed(disk, sc, error))
        return 0


def _send(disk: Disk, sc: chiscsi_scsi_command) -> int:
    """Complete a READ."""
    lu, length = sc.sc_lu, sc.sc_xfer_len
    assert lu is not None
    data: bytes | bytearray | memoryview | None
    start = sc.sc_lba << lu.sect_shift
    data = disk.view(length, start) if sc.sc_zero_copy else None
    if data is None:
        data = disk.read(length, start)
        if isinstance(data, bytearray):
            sc.sc_sdev_hdl = data  # from the pool, and goes back there
    return chiscsi_scsi_cmd_execution_status(sc, data, 0, 0, length)


def _flushed(disk: Disk, sc: chiscsi_scsi_command, error: OSError | None) -> None:
    """Complete a command that waited for a flush; runs in the flusher's thread."""
    with disk.lock:
        wanted = disk.waiting.pop(sc)
    if not wanted:
        chiscsi_scsi_cmd_abort_status(sc)
        return
    if error is not None:
        sc.fail(_MEDIUM_ERROR, _WRITE_ERROR)
    elif sc.sc_xfer_len and not sc.sc_flag & SC_FLAG_WRITE:
        try:
            _send(disk, sc)
        except DriverError as failure:
            sc.fail(failure.key, failure.asc, failure.ascq)
        else:
            return
    chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0 if sc.sc_status else sc.sc_xfer_len)
