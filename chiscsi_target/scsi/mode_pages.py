"""The mode pages of a logical unit: their values, which of these MODE SELECT may change, and what a change does.

All nexuses share one set of them (SPC-4, Mode Page Policy VPD page). Where a page has no changeable field, its values
are what the unit cannot but do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chiscsi_target.api.logical_unit import LU_FLAG_NOWCACHE, LU_FLAG_SYNC
from chiscsi_target.scsi.sense import FALSE_FAILURE_PREDICTION, NO_SENSE, Sense
from iscsi_wire import scsi
from iscsi_wire.scsi_page_codes import ModePageCode, PageControl, QueueError, TaskSetType

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from iscsi_wire.structure import ModePage

__all__ = ["KEPT", "PAGES", "Key", "ModePages", "Page", "informational_exception", "load_mode_pages"]

KEPT: Final = "mode_pages"
"""Name under which saved values are kept."""

Key: TypeAlias = tuple[int, int]
"""Page code and subpage code."""

Fields: TypeAlias = Mapping[str, int]
"""Values of changeable fields by name."""

_OFF_OR_ON: Final = (0, 1)
_ON_REQUEST: Final = 6
"""MRIE: informational exceptions are reported by REQUEST SENSE only."""

# The geometry that a medium without one is given where a page wants it.
_HEADS: Final = 64
_SECTORS_PER_TRACK: Final = 256
_LARGEST_CYLINDERS: Final = 0xFFFFFF
_ROTATION_RATE: Final = 15000


def _always(_unit: LogicalUnit) -> bool:
    return True


def _nothing(_unit: LogicalUnit, _page: Any) -> None:
    """Do nothing: the values of the page are all there is to it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        default: the values that it has when nobody has changed any.
        changeable: the fields that MODE SELECT may change, each with the values that it may have.
        may_change: whether it may at all, on a given unit.
        put: makes a unit go by the page's values.
    """

    default: Callable[[LogicalUnit], ModePage]
    changeable: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    may_change: Callable[[LogicalUnit], bool] = _always
    put: Callable[[LogicalUnit, Any], None] = _nothing


def _recovery(_unit: LogicalUnit) -> ModePage:
    """Nothing is retried, reallocated or reported as recovered."""
    return scsi.ReadWriteErrorRecoveryModePage()


def _reconnect(_unit: LogicalUnit) -> ModePage:
    """Ratios of one half, as the module has them; iSCSI has no bus to disconnect from."""
    return scsi.DisconnectReconnectModePage.make(
        buffer_full_ratio=0x80, buffer_empty_ratio=0x80, bus_inactivity_limit=10
    )


def _format(unit: LogicalUnit) -> ModePage:
    return scsi.FormatDeviceModePage.make(
        sectors_per_track=_SECTORS_PER_TRACK,
        data_bytes_per_physical_sector=1 << unit.lu.sect_shift,
        interleave=1,
        hsec=1,
    )


def _geometry(unit: LogicalUnit) -> ModePage:
    cylinders = unit.lu.block_count // (_HEADS * _SECTORS_PER_TRACK)
    return scsi.RigidDiskGeometryModePage.make(
        number_of_cylinders=min(cylinders or 1, _LARGEST_CYLINDERS),
        number_of_heads=_HEADS,
        medium_rotation_rate=_ROTATION_RATE,
    )


def _caching(unit: LogicalUnit) -> ModePage:
    """WCE says whether a write may still be lost after its status."""
    return scsi.CachingModePage.make(
        disc=1,
        wce=int(unit.modes.write_cache),
        disable_prefetch_transfer_length=0xFFFF,
        maximum_prefetch=0xFFFF,
        maximum_prefetch_ceiling=0xFFFF,
        fsw=1,
        number_of_cache_segments=20,
    )


def _may_cache(unit: LogicalUnit) -> bool:
    """Whether WCE may be switched: other LUN classes than those with a medium need not look at LU_FLAG_SYNC again."""
    return unit.lu.medium is not None and not unit.lu.flags & LU_FLAG_NOWCACHE


def _switch_cache(unit: LogicalUnit, page: scsi.CachingModePage) -> None:
    """Have the driver answer writes at once, or when they are safe, as those are that it answered before."""
    lu = unit.lu
    if page.wce:
        lu.flags &= ~LU_FLAG_SYNC
    elif not lu.flags & LU_FLAG_SYNC:
        lu.flags |= LU_FLAG_SYNC
        _flush(unit)


def _flush(unit: LogicalUnit) -> None:
    if unit.medium is not None:
        unit.medium.flush()


def _control(unit: LogicalUnit) -> ModePage:
    """One task set for all nexuses, commands in the order of their arrival, no log parameters to save (GLTSD).

    Application tags belong to the application client (ATO): they are kept as they come.
    """
    ato = int(bool(unit.lu.protection))
    return scsi.ControlModePage.make(gltsd=1, ato=ato, extended_self_test_completion_time=0x24B)


def _take_control(unit: LogicalUnit, page: scsi.ControlModePage) -> None:
    """Go by the Control mode page; what was written before software write protection came reaches the medium."""
    if page.swp and not unit.swp:
        _flush(unit)
    unit.swp = bool(page.swp)
    unit.lu.descriptor_sense = bool(page.d_sense)
    unit.qerr, unit.tas, unit.tasks.divided = page.qerr, bool(page.tas), page.tst == TaskSetType.PER_NEXUS


def _extension(_unit: LogicalUnit) -> ModePage:
    """No command has a priority."""
    return scsi.ControlExtensionModePage()


def _power(_unit: LogicalUnit) -> ModePage:
    """There are no power conditions."""
    return scsi.PowerConditionModePage()


def _exceptions(_unit: LogicalUnit) -> ModePage:
    """There is nothing to foretell failures by (DEXCPT), but they can be played (TEST)."""
    return scsi.InformationalExceptionsControlModePage.make(dexcpt=1)


PAGES: Final[dict[Key, Page]] = {
    (ModePageCode.READ_WRITE_ERROR_RECOVERY, 0): Page(_recovery),
    (ModePageCode.DISCONNECT_RECONNECT, 0): Page(_reconnect),
    (ModePageCode.FORMAT_DEVICE, 0): Page(_format),
    (ModePageCode.RIGID_DISK_GEOMETRY, 0): Page(_geometry),
    (ModePageCode.CACHING, 0): Page(_caching, {"wce": _OFF_OR_ON}, _may_cache, _switch_cache),
    (ModePageCode.CONTROL, 0): Page(
        _control,
        {
            "tst": (TaskSetType.SHARED, TaskSetType.PER_NEXUS),
            "d_sense": _OFF_OR_ON,
            "qerr": (QueueError.CONTINUE, QueueError.ABORT_ALL, QueueError.ABORT_OWN),
            "swp": _OFF_OR_ON,
            "tas": _OFF_OR_ON,
        },
        put=_take_control,
    ),
    (ModePageCode.CONTROL, 1): Page(_extension),
    (ModePageCode.POWER_CONDITION, 0): Page(_power),
    (ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL, 0): Page(
        _exceptions, {"dexcpt": _OFF_OR_ON, "test": _OFF_OR_ON, "mrie": (0, _ON_REQUEST)}
    ),
}
"""The pages by page and subpage code, in the order in which MODE SENSE returns them all."""


class ModePages:
    """The mode pages of one logical unit.

    Only what was changed is kept, so that the rest follows when the unit is described anew.

    Attributes:
        write_cache: whether the unit is described as one with a write cache.
    """

    __slots__ = ("_lu", "_saved", "_unit", "_values", "write_cache")

    def __init__(self, unit: LogicalUnit) -> None:
        self._unit = unit
        self._lu: chiscsi_lun | None = None
        self._values: Mapping[Key, Fields] = {}
        self._saved: Mapping[Key, Fields] = {}
        self.write_cache = False

    def describe(self) -> None:
        """Have the unit, which was described anew, go by the current values."""
        lu = self._unit.lu
        if lu is not self._lu:
            self._lu = lu
            self.write_cache = not lu.flags & LU_FLAG_SYNC
            self._put(self._values)

    def changeable(self, key: Key) -> Mapping[str, tuple[int, ...]]:
        """The fields of a page that may be changed, with the values that they may have."""
        row = PAGES[key]
        return row.changeable if row.may_change(self._unit) else {}

    def page(self, key: Key, control: int = PageControl.CURRENT) -> ModePage:
        """One page.

        Args:
            key: page and subpage code, of `PAGES`.
            control: which of its values; for PageControl.CHANGEABLE all bits are set that may be changed.
        """
        changeable = self.changeable(key)
        page: Any = PAGES[key].default(self._unit)
        if control == PageControl.CHANGEABLE:
            page = type(page)()
            for info in page.FIELDS:
                if info.name in changeable:
                    setattr(page, info.name, (1 << info.width) - 1)
        elif control != PageControl.DEFAULT:
            values = self._saved if control == PageControl.SAVED else self._values
            for name, value in values.get(key, {}).items():
                if name in changeable:
                    setattr(page, name, value)
        page.ps = int(bool(changeable) and self._unit.lu.kept is not None)
        return page  # type: ignore[no-any-return]  # it has fields of its own

    def select(self, selected: Mapping[Key, Fields], *, save: bool) -> bool:
        """Change values.

        Args:
            selected: values for changeable fields by page.
            save: whether all pages are saved, these included.

        Returns:
            Whether a current value is another one now.

        Raises:
            DriverError: they cannot be saved, and nothing was changed; or what was written before cannot be flushed.
        """
        changed = any(
            getattr(self.page(key), name) != value for key, fields in selected.items() for name, value in fields.items()
        )
        values = {**self._values, **{key: {**self._values.get(key, {}), **selected[key]} for key in selected}}
        if save and self._unit.lu.kept is not None:
            self._unit.lu.kept.save(KEPT, _dump(values))
            self._saved = values
        self._values = values
        self._put(selected)
        return changed

    def revert(self) -> None:
        """Go back to the saved values, or without any to the default ones, as after a reset (SAM-5, 6.3.3)."""
        changed = {**self._values, **self._saved}
        self._values = self._saved
        self._put(changed)

    def restore(self, values: Mapping[Key, Fields]) -> None:
        """Go by values that were saved before a restart."""
        self._saved = self._values = values
        self._put(values)

    def _put(self, keys: Iterable[Key]) -> None:
        for key in keys:
            PAGES[key].put(self._unit, self.page(key))


def _dump(values: Mapping[Key, Fields]) -> bytes:
    return json.dumps({f"{code:02x}/{subpage:02x}": fields for (code, subpage), fields in values.items()}).encode()


def load_mode_pages(data: bytes) -> Mapping[Key, Fields]:
    """The values that were saved, as they are kept.

    Raises:
        ValueError: the data are nothing that was saved.
    """
    names = {f"{code:02x}/{subpage:02x}": (code, subpage) for code, subpage in PAGES}
    kept = json.loads(data)
    if not isinstance(kept, dict):
        raise ValueError("these are no mode pages")
    for name, fields in kept.items():
        if name not in names or not isinstance(fields, dict):
            raise ValueError(f"there is no mode page {name}")
        for field_name, value in fields.items():
            if type(value) is not int or value not in PAGES[names[name]].changeable.get(field_name, ()):
                raise ValueError(f"mode page {name}: {field_name} cannot be {value!r}")
    return {names[name]: fields for name, fields in kept.items()}


def informational_exception(unit: LogicalUnit) -> Sense:
    """The informational exception that is to be reported when somebody asks, if any (SPC-4, MRIE)."""
    page: Any = unit.modes.page((ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL, 0))
    if page.test and not page.dexcpt and page.mrie == _ON_REQUEST:
        return FALSE_FAILURE_PREDICTION
    return NO_SENSE
