"""`NULL`: a logical unit of any size without any data: writes are dropped, and reads return zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api import LU_FLAG_SYNC, chiscsi_target_lun_class
from chiscsi_target.drivers.null import NullMedium, NullReadWrite
from chiscsi_target.drivers.options import Option, parse_options, settle_size, size_of_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chiscsi_target.api import chiscsi_lun

__all__ = ["NullLunClass"]

_OPTIONS: Final[Mapping[str, Option]] = {"SIZE": size_of_unit}


class _SizeAlone(chiscsi_target_lun_class):
    """Knows how large its units are."""

    class_name = "NULL"

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        """Take `size=` (16MB by default) and the common options."""
        return parse_options(lu, buf, ebuf, _OPTIONS)

    def fp_attach(self, lu: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Settle the size; there is no cache."""
        lu.flags |= LU_FLAG_SYNC
        if refused := settle_size(lu, ebuf):
            return refused
        lu.medium = NullMedium()
        return 0

    def fp_reattach(self, lu: chiscsi_lun, lu_new: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Settle the size anew."""
        return self.fp_attach(lu_new, ebuf, ebuflen)


class NullLunClass(NullReadWrite):
    """A LUN class of units without data, of any size up to 2^63 octets."""

    def __init__(self) -> None:
        super().__init__(_SizeAlone())
