"""The target as a case sees it: how to reach it, what it declares, and where a case may write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from conformance.harness.accounts import protected
from conformance.harness.interruptions import TargetGone
from conformance.harness.place import Place
from conformance.harness.settings import Settings
from initiator_sim.chap import Account
from initiator_sim.connection import Settings as Sharing
from initiator_sim.exchange import Exchange
from initiator_sim.initiator import Initiator
from initiator_sim.outcomes import Inconclusive, ScriptOutcome
from initiator_sim.parameters import Parameters
from initiator_sim.session import Session
from initiator_sim.task import CommandResult
from initiator_sim.transport import Transport
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.errors import DecodeError
from iscsi_wire.scsi import Inquiry, ReadCapacity16, ReadCapacity16Data, ReportLuns, ReportLunsData, TestUnitReady

if TYPE_CHECKING:
    from conformance.embedded import Embedded
    from conformance.harness.foreign import Foreign

UNIT_ATTENTION = 6
_PATIENCE_WITH_ATTENTIONS = 5
"""How many unit attentions a fresh session may report one after the other (power on, reset, changed data ...)."""
_LUN_LIST = 4096
"""Octets to ask for of a list of LUNs: 511 of them."""
SCRATCH_LIMIT = 32 << 20
"""Octets of a LUN that a process uses at most."""

EVERYTHING = {
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "MaxConnections": "8",
    "ErrorRecoveryLevel": "2",
    "InitialR2T": "No",
    "ImmediateData": "Yes",
    "MaxOutstandingR2T": "8",
}
"""Offers that let a target show what it can do."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A region of a LUN that belongs to one process: LUN, first block, number of blocks, octets of a block."""

    lun: int
    start: int
    blocks: int
    block_size: int


class Target:
    """The target under test.

    iqn: its iSCSI name. embedded: whether it is our own, in this process. transport: "tcp", "memory" or
    "card".
    """

    def __init__(
        self,
        system: Embedded | Foreign,
        settings: Settings,
        place: Place,
        exchange: Callable[[], Exchange],
        tolerated: frozenset[str] = frozenset(),
    ) -> None:
        self.iqn = system.iqn
        self.embedded = not settings.foreign
        self.transport = settings.transport
        self._system = system
        self._settings = settings
        self._place = place
        self._exchange = exchange
        self._tolerated = tolerated
        self._scratch: dict[int, Scratch] = {}

    @property
    def login_time(self) -> float | None:
        """How long a login may take, in seconds; None when the target does not say, as foreign ones do not."""
        return self._system.login_time

    def connect(self) -> Transport:
        """A new connection to its portal, nothing sent on it yet.

        Raises:
            TargetGone: it takes none.
        """
        try:
            return self._system.connect()
        except OSError as error:
            raise TargetGone(f"no connection to the target: {error}") from error

    def initiator(
        self, name: str = "", *, aside: bool = False, lun: int | None = None, protected: bool = False
    ) -> Initiator:
        """An initiator for this target; its exchange is the running case's evidence.

        Args:
            name: what to append to the process's initiator name, for another initiator port of the same process.
            aside: keep its exchange out of the case's evidence, for what the case is not about.
            lun: the LUN that its commands go to; this process's if None.
            protected: go to the target that demands CHAP, with the account for it.
        """
        own = self._place.initiator_name(self._settings)
        sharing = Sharing(Exchange() if aside else self._exchange(), self._system.clock, self._settings.patience)
        sharing.rules.ignore(*self._tolerated)
        iqn, account = self.protected if protected or not self.embedded else (self.iqn, None)
        return Initiator(
            self.connect,
            iqn,
            name=f"{own}.{name}" if name else own,
            lun=self.lun if lun is None else lun,
            isid_seed=self._place.next_seed(),
            settings=sharing,
            account=account,
        )

    @property
    def protected(self) -> tuple[str, Account | None]:
        """The name of a target at the same portal that demands CHAP, and the account for it if there is one."""
        return protected(self._settings, self.iqn)

    @cached_property
    def luns(self) -> Sequence[int]:
        """Its disks: the LUN of the address, those of the embedded target, or what REPORT LUNS and INQUIRY say.

        LUN 0 when nothing can be found out: what is wrong then is the business of the cases.
        """
        return tuple(self._system.luns) or self._reported_disks() or (0,)

    @property
    def lun(self) -> int:
        """The LUN of this process: workers use different ones as far as there are enough."""
        luns = self.luns
        return luns[self._place.index % len(luns)]

    @cached_property
    def declared(self) -> Parameters:
        """What a session has in force when it offers everything: digests, MaxConnections and so on."""
        with self.initiator(aside=True) as initiator:
            return initiator.login(keys=EVERYTHING).parameters

    @cached_property
    def discovery_refused(self) -> str:
        """Why there are no discovery sessions, or empty."""
        with self.initiator(aside=True) as initiator:
            result = initiator.session(discovery=True).attempt_login()
            return "" if result.succeeded else str(result)

    def scratch(self, lun: int) -> Scratch:
        """This process's region of a LUN.

        Raises:
            Inconclusive: the LUN does not tell its capacity, or is too small to share.
        """
        if lun not in self._scratch:
            self._scratch[lun] = self._measure(lun)
        return self._scratch[lun]

    def _measure(self, lun: int) -> Scratch:
        with self.initiator(aside=True) as initiator:
            session = initiator.login()
            settle(session, lun)
            result = session.command(ReadCapacity16(allocation_length=32), read=32, lun=lun)
        if result.status != ScsiStatus.GOOD:
            raise Inconclusive(f"READ CAPACITY(16) of LUN {lun}: {result}")
        capacity = ReadCapacity16Data.decode(result.data)
        sharers = self._place.count if not self.embedded else 1
        whole = capacity.returned_logical_block_address + 1
        blocks = min(whole // sharers, SCRATCH_LIMIT // capacity.logical_block_length)
        if blocks < 1:
            raise Inconclusive(f"LUN {lun} has {whole} blocks, too few for {sharers} workers")
        start = self._place.index * (whole // sharers) if sharers > 1 else 0
        return Scratch(lun, start, blocks, capacity.logical_block_length)

    def _reported_disks(self) -> Sequence[int]:
        try:
            with self.initiator(aside=True, lun=0) as initiator:
                session = initiator.login()
                result = session.command(ReportLuns(allocation_length=_LUN_LIST), read=_LUN_LIST)
                fields = ReportLunsData.decode(result.data[: result.received], truncated=True).luns
                luns = sorted(field >> 48 & 0x3FFF for field in fields if not field & 0xFFFFFFFFFFFF)
                return tuple(lun for lun in luns if _is_disk(session, lun))
        except (ScriptOutcome, DecodeError):
            return ()


def _is_disk(session: Session, lun: int) -> bool:
    """Whether a direct access block device answers (SPC-4, 6.6.2): tgt's LUN 0, say, is its controller."""
    result = session.command(Inquiry(allocation_length=36), read=36, lun=lun)
    return result.status == ScsiStatus.GOOD and result.received > 0 and result.data[0] == 0


def settle(session: Session, lun: int | None = None) -> None:
    """Take in the unit attentions that a new session finds, until the LUN is ready.

    Raises:
        Inconclusive: it does not get ready.
    """
    result: CommandResult | None = None
    for _ in range(_PATIENCE_WITH_ATTENTIONS):
        result = session.command(TestUnitReady(), lun=lun)
        if result.status == ScsiStatus.GOOD:
            return
        if result.sense is None or result.sense.key != UNIT_ATTENTION:
            break
    raise Inconclusive(f"the LUN is not ready: {result}")
