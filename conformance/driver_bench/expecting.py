"""What a case expects of the target: hooks, buffers given back, log lines; what it expects on the wire is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from conformance.driver_bench.buffers import Buffers
from conformance.driver_bench.hooks import HookCall, HookLog
from initiator_sim.outcomes import ExpectationFailed
from iscsi_wire.records import FindingRecord, LogRecord, Record

if TYPE_CHECKING:
    from conformance.driver_bench.stage import Stage
    from initiator_sim.initiator import Initiator

# What a hook is about, by its argument: calls about the same thing have an order, others have not.
_SUBJECTS = {"sc": "command", "sc_itt": "command", "sess_hdl": "session", "hndl": "login"}


class Expecting:
    """The expectations of a bench."""

    hooks: HookLog
    stage: Stage
    records: list[Record]

    if TYPE_CHECKING:

        @property
        def initiator(self) -> Initiator:
            """Whose exchange is the case's evidence."""

    # Hooks

    def expect_hook(self, name: str, sc: Any = None, **arguments: Any) -> HookCall:
        """Require that a hook has been called, or is now, and take the call off the list of those to be explained.

        Calls about one command have to be expected in their order; those about different commands have none.

        Args:
            name: the hook.
            sc: the command that it is about, for hooks that have one.
            arguments: values that its arguments have, by the guide's names; `sc_itt` goes for the command's tag.

        Raises:
            ExpectationFailed: it is not called, or another hook of the same command is called before it.
        """
        text = _wish(name, sc, arguments)
        found: list[HookCall] = []

        def arrived() -> bool:
            found[:] = [call for call in list(self.hooks.waiting) if _matches(call, name, sc, arguments)][:1]
            return bool(found)

        came = self.stage.wait(arrived)
        self.check()
        if not came:
            raise self.failed(text, _listed(self.hooks.waiting))
        waiting = list(self.hooks.waiting)
        before = [call for call in waiting[: waiting.index(found[0])] if _subject(call) == _subject(found[0])]
        if before:
            raise self.failed(text, f"{_listed(before)} before it")
        self.hooks.waiting.remove(found[0])
        return found[0]

    def expect_hooks(self, *names: str, sc: Any = None) -> list[HookCall]:
        """Require calls of these hooks about one command, in this order and with nothing between them."""
        return [self.expect_hook(name, sc) for name in names]

    def expect_no_hook(self, *names: str, sc: Any = None) -> None:
        """Require that no hook is called that was not expected yet: none of `names`, or none at all; for `sc` if given.

        Raises:
            ExpectationFailed: one is.
        """
        self.stage.settle()
        self.check()
        stray = [
            call
            for call in self.hooks.waiting
            if (not names or call.name in names) and (sc is None or call.arguments.get("sc") is sc)
        ]
        if stray:
            raise self.failed(f"no call of {' or '.join(names) or 'any hook'}", _listed(stray))

    def count_hooks(self, name: str, sc: Any = None) -> int:
        """How often a hook was called so far, whether that was expected or not."""
        self.stage.settle()
        return sum(call.name == name and sc in (None, call.arguments.get("sc")) for call in self.hooks.calls)

    def forget(self) -> None:
        """Take all hooks that were called so far as explained."""
        self.check()
        self.hooks.waiting.clear()

    def expect_end(self, sc: Any) -> None:
        """Require the last hook of a command, once, and nothing behind it."""
        self.expect_hook("fp_scsi_cmd_cleanup", sc)
        self.expect_no_hook(sc=sc)

    # Buffers

    def expect_returned(self, sc: Any, *phases: Buffers) -> None:
        """Require that buffers are given back by `fp_scsi_cmd_data_xfer_status`: the same, whole, in their order.

        Several phases may come back in one call (guide, 7.3.5.1), which then names the first one's list, all their
        vectors, and their length together.

        Raises:
            ExpectationFailed: they are not, or in another shape.
        """
        rest = list(phases)
        while rest:
            call = self.expect_hook("fp_scsi_cmd_data_xfer_status", sc)
            count = _merged(call, rest)
            if not count:
                shown = " and ".join(f"{one.sgcnt} vectors, {one.offset}+{one.length}" for one in rest)
                raise self.failed(f"the buffers given back as they were given: {shown}", str(call))
            del rest[:count]

    # Log

    def expect_log(self, text: str) -> None:
        """Require a log line that contains `text`; blanks and full stops do not count (behaviour file, 3.5).

        Raises:
            ExpectationFailed: there is none.
        """
        if not self.stage.wait(lambda: self.logged(text)):
            lines = [record.text for record in self.records if isinstance(record, LogRecord)]
            raise self.failed(f"the log line {text!r}", "; ".join(lines[-5:]) or "no log line")

    def expect_no_log(self, text: str) -> None:
        """Require that no log line contains `text`.

        Raises:
            ExpectationFailed: one does.
        """
        self.stage.settle()
        if self.logged(text):
            raise self.failed(f"no log line {text!r}", "there is one")

    def logged(self, text: str) -> bool:
        """Whether a log line contains `text`."""
        wanted = _plain(text)
        return any(wanted in _plain(record.text) for record in list(self.records) if isinstance(record, LogRecord))

    # Findings

    def expect_finding(self, kind: str, sc: Any = None) -> None:
        """Require a finding about the driver (`chiscsi_target.api.findings`), of this kind and about this command.

        Raises:
            ExpectationFailed: there is none.
        """
        wanted = None if sc is None else sc.sc_itt
        if not self.stage.wait(lambda: any(one.kind == kind and wanted in (None, one.itt) for one in self.findings)):
            raise self.failed(f"the finding {kind}", "; ".join(one.text for one in self.findings) or "no finding")

    def expect_no_finding(self) -> None:
        """Require that nothing was found about the driver.

        Raises:
            ExpectationFailed: something was.
        """
        self.stage.settle()
        if self.findings:
            raise self.failed("no finding", "; ".join(f"{one.kind}: {one.text}" for one in self.findings))

    @property
    def findings(self) -> list[FindingRecord]:
        """All findings so far."""
        return [record for record in list(self.records) if isinstance(record, FindingRecord)]

    # Anything else

    def expect_equal(self, what: str, found: object, wanted: object) -> None:
        """Require that something is as it should be: a return code, a field, the octets in a buffer.

        Args:
            what: says what, for the report.
            found: as it is.
            wanted: as it should be.

        Raises:
            ExpectationFailed: it is not.
        """
        self.check()
        if found != wanted:
            raise self.failed(f"{what}: {_brief(wanted)}", _brief(found))

    def expect_that(self, what: str, condition: Callable[[], bool]) -> None:
        """Require that a condition comes to hold.

        Raises:
            ExpectationFailed: it does not.
        """
        held = self.stage.wait(condition)
        self.check()
        if not held:
            raise self.failed(what, "it is not so")

    def check(self) -> None:
        """Raise what an answer to a hook found wrong meanwhile."""
        failure, self.hooks.failure = self.hooks.failure, None
        if failure is not None:
            raise failure

    def failed(self, expected: str, observed: str) -> ExpectationFailed:
        """The exception for an expectation that is not met."""
        return ExpectationFailed(expected, observed, exchange=self.initiator.exchange)


def _matches(call: HookCall, name: str, sc: Any, arguments: dict[str, Any]) -> bool:
    if call.name != name or (sc is not None and call.arguments.get("sc") is not sc):
        return False
    return all(_value(call, key) == value for key, value in arguments.items())


def _value(call: HookCall, key: str) -> Any:
    if key == "sc_itt" and "sc" in call.arguments:
        return getattr(call.sc, "sc_itt", None)
    return call.arguments.get(key)


def _subject(call: HookCall) -> object:
    for name, kind in _SUBJECTS.items():
        value = call.arguments.get(name)
        if value is not None:
            return kind, getattr(value, "sc_itt", value)
    return None


def _merged(call: HookCall, phases: list[Buffers]) -> int:
    """How many of the phases a call gives back, whole and in their order; 0 when it gives back something else."""
    first = phases[0]
    if (call.buf is first.given) and (call.sgcnt, call.offset, call.buflen) == (
        first.sgcnt,
        first.offset,
        first.length,
    ):
        return 1
    vectors: list[object] = []
    length = 0
    for count, phase in enumerate(phases, 1):
        vectors += list(phase.given) if phase.sgcnt else []
        length += phase.length
        if (call.sgcnt, call.offset, call.buflen) == (len(vectors), first.offset, length):
            given = list(call.buf)[: call.sgcnt]
            return count if all(map(_same, given, vectors)) and len(given) == len(vectors) else 0
    return 0


def _same(one: object, other: object) -> bool:
    return one is other


def _wish(name: str, sc: Any, arguments: dict[str, Any]) -> str:
    wanted = [f"itt {sc.sc_itt:#x}"] if sc is not None else []
    wanted += [f"{key}={value}" for key, value in arguments.items()]
    return f"{name}({', '.join(wanted)})"


def _listed(calls: Iterable[HookCall]) -> str:
    return "; ".join(map(str, calls)) or "no hook is called"


def _plain(text: str) -> str:
    return "".join(text.split()).replace(".", "")


def _brief(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview) and len(value) > 32:
        return f"{len(value)} octets, {bytes(value[:16]).hex()}..."
    return repr(value)
