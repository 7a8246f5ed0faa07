"""A session of a script: login, commands, and everything else that its connections carry (RFC 7143 sections 4 and 6).

`Session` holds what a session shares (ISID, CmdSN, tags), knows what was negotiated, and offers each exchange of the
protocol as one call. Every call takes `connection` to use another than the leading one, and fields and mutations to
spoil it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from initiator_sim.chap import Account, Chap
from initiator_sim.connection import Connection
from initiator_sim.discovery import TargetRecord, read_records
from initiator_sim.draft import Draft, Mutation
from initiator_sim.evidence import Event, Received
from initiator_sim.expectation import Expectation
from initiator_sim.login import OPERATIONAL, SECURITY, Identity, Login, LoginResult
from initiator_sim.negotiation import Negotiation
from initiator_sim.numbering import Numbering
from initiator_sim.outcomes import HarnessFault, Unsupported
from initiator_sim.parameters import Parameters
from initiator_sim.proposal import make_plan
from initiator_sim.starting import Encodable, lun_field, start_command
from initiator_sim.task import CommandResult, Task, rejected_tag
from initiator_sim.texting import TextExchange, TextResult
from iscsi_wire.constants import LoginStatus, LogoutReason
from iscsi_wire.pdus import (
    LogoutRequest,
    LogoutResponse,
    NopIn,
    NopOut,
    Pdu,
    TaskManagementRequest,
    TaskManagementResponse,
)

if TYPE_CHECKING:
    from initiator_sim.initiator import Initiator

T = TypeVar("T")
H = TypeVar("H", bound=Pdu)


class Session:
    """One session, from before its login to its end.

    Attributes:
        initiator: whose session it is.
        discovery: whether it is a Discovery session.
        isid: its ISID, 6 octets.
        tsih: its TSIH, 0 until the target gave one.
        numbering: CmdSN, the command window, tags.
        parameters: what was negotiated.
        connections: its connections, the leading one first.
        negotiation: offers and answers of the last successful login.
    """

    def __init__(self, initiator: Initiator, isid: bytes, *, discovery: bool = False) -> None:
        self.initiator = initiator
        self.discovery = discovery
        self.isid = isid
        self.tsih = 0
        self.numbering = Numbering()
        self.parameters = Parameters()
        self.connections: list[Connection] = []
        self.negotiation: Negotiation | None = None

    @property
    def connection(self) -> Connection:
        """The leading connection.

        Raises:
            HarnessFault: nothing is connected yet.
        """
        if not self.connections:
            raise HarnessFault("the session has no connection yet: log in first")
        return self.connections[0]

    # ---- login

    def connect(self, cid: int | None = None) -> Connection:
        """Open a further connection of this session, without logging it in."""
        number = len(self.connections) if cid is None else cid
        connection = self.initiator.connect(self.numbering, cid=number)
        self.connections.append(connection)
        connection.others = lambda: [other for other in self.connections if other is not connection]
        return connection

    def begin_login(self, connection: Connection | None = None, **identity: Any) -> Login:
        """Begin a login on `connection`, or on a new one; nothing is sent yet.

        Args:
            connection: where.
            identity: what to say other than the truth of ISID, TSIH, CID and versions (`initiator_sim.login.Identity`).
        """
        connection = connection or self.connect()
        truth: dict[str, Any] = {"isid": self.isid, "tsih": self.tsih, "cid": connection.cid}
        return Login(connection, Identity(**(truth | identity)))

    def begin_chap(self, account: Account | None = None, connection: Connection | None = None, **identity: Any) -> Chap:
        """Begin a login with CHAP, and go on to where the target has sent its challenge; `Chap.answer` is next.

        Args:
            account: CHAP names and secrets; the initiator's if None.
            connection: where; a new connection if None.
            identity: see `begin_login`.

        Raises:
            ExpectationFailed: the target does not come to a challenge.
        """
        account = account or self.initiator.account
        if account is None:
            raise HarnessFault("CHAP needs an account")
        chap = Chap(self.begin_login(connection, **identity), account)
        result = chap.agree(self.initiator.identity(self.discovery))
        if result.keys.get("AuthMethod") != "CHAP":
            raise chap.login.connection.failed("the target agrees on AuthMethod=CHAP", result)
        result = chap.ask()
        if result.status != 0:
            raise chap.login.connection.failed("the target sends a challenge", result)
        return chap

    def attempt_login(
        self,
        *,
        connection: Connection | None = None,
        stages: Sequence[int] = (SECURITY, OPERATIONAL),
        keys: Mapping[str, str] | None = None,
        omit: Collection[str] = (),
        extra: Sequence[tuple[str, str]] = (),
        piece: int | None = None,
        identity: Mapping[str, Any] | None = None,
        account: Account | None = None,
        **fields: Any,
    ) -> LoginResult:
        """Log in as an ordinary initiator does, and return how it ended, whatever that is.

        Args:
            connection: where; a new connection if None.
            stages: the stages to go through.
            keys: values to send instead of the usual ones, and further keys.
            omit: keys not to send.
            extra: pairs to add at the end of the last stage, as they are: duplicates, unknown keys.
            piece: split the text over requests of so many octets each (C bit).
            identity: see `begin_login`.
            account: CHAP names and secrets; the initiator's if None. A script that sets AuthMethod goes without.
            fields: header fields to override in every request.

        Raises:
            ExpectationFailed: a Login Response breaks a rule.
        """
        login = self.begin_login(connection, **(identity or {}))
        plan = make_plan(
            self.initiator.identity(self.discovery),
            stages=stages,
            leading=login.identity.tsih == 0,
            keys=keys,
            omit=omit,
            extra=extra,
        )
        if keys is None or "AuthMethod" not in keys:
            login.account = account or self.initiator.account
        result = login.run(plan, piece, **fields)
        if result.succeeded:
            self.conclude(login, result)
        return result

    def login(self, **arguments: Any) -> LoginResult:
        """Log in; as `attempt_login`, but it has to succeed.

        Raises:
            ExpectationFailed: it does not.
        """
        result = self.attempt_login(**arguments)
        if not result.succeeded:
            raise result.login.connection.failed("login succeeds", result)
        return result

    def conclude(self, login: Login, result: LoginResult) -> None:
        """Enter the full feature phase with what `login` negotiated; a login done by hand ends with this.

        Raises:
            ExpectationFailed: the target left an offer without the answer that it needs.
        """
        assert result.header is not None and isinstance(result.ending, Received)
        connection, header = login.connection, result.header
        missing = login.negotiation.missing()
        if missing:
            connection.rules.broken("answer_missing", f"no answer to {', '.join(missing)}", result.ending, "data")
        if not login.identity.tsih:
            self.numbering.start(header.exp_cmd_sn, header.max_cmd_sn)
            self.parameters = Parameters()
        self.isid, self.tsih = login.identity.isid, header.tsih
        self.negotiation = login.negotiation
        login.negotiation.settle(self.parameters)
        connection.begin_full_feature_phase(self.parameters)

    def add_connection(self, cid: int | None = None, **arguments: Any) -> Connection:
        """Open a further connection and log it in to this session.

        Raises:
            Unsupported: the target does not allow so many.
            ExpectationFailed: the login fails for another reason.
        """
        allowed = self.parameters.max_connections
        if sum(not connection.ended for connection in self.connections) >= allowed:
            raise Unsupported(f"MaxConnections={allowed} was negotiated")
        connection = self.connect(cid)
        result = self.attempt_login(connection=connection, stages=(OPERATIONAL,), **arguments)
        if result.status == LoginStatus.TOO_MANY_CONNECTIONS:
            raise Unsupported("the target refuses a further connection: too many connections")
        if not result.succeeded:
            raise connection.failed("login of a further connection succeeds", result)
        return connection

    # ---- PDUs

    def send(
        self, what: type[H] | H | Draft[H], *mutations: Mutation, connection: Connection | None = None, **rest: Any
    ) -> Draft[H]:
        """Send one PDU; see `Connection.send`."""
        return (connection or self.connection).send(what, *mutations, **rest)

    def prepare(self, kind: type[H], **rest: Any) -> Draft[H]:
        """Make one PDU without sending it; see `Connection.prepare`."""
        return self.connection.prepare(kind, **rest)

    def expect(self, expectation: Expectation[T], clause: str = "") -> T:
        """Require that what comes next on the leading connection meets `expectation`; see `Connection.expect`."""
        return self.connection.expect(expectation, clause)

    def receive(self, timeout: float | None = None) -> Event:
        """Return what comes next on the leading connection; see `Connection.receive`."""
        return self.connection.receive(timeout)

    # ---- SCSI commands

    def start(
        self,
        cdb: bytes | Encodable,
        *mutations: Mutation,
        read: int = 0,
        write: bytes = b"",
        lun: int | None = None,
        immediate_data: int | None = None,
        unsolicited: int | None = None,
        connection: Connection | None = None,
        **fields: Any,
    ) -> Task:
        """Send a SCSI Command with the data that go out unasked, and leave the rest to the task returned.

        Args:
            cdb: the CDB; more than 16 octets go on in an AHS.
            mutations: what shall be wrong with the SCSI Command PDU.
            read: how many octets of input are expected.
            write: the output. With `read`, the command is bidirectional.
            lun: the LUN as a number, or a whole 64-bit field; the initiator's LUN if None.
            immediate_data: how many octets of output go with the command; as many as was negotiated if None.
            unsolicited: how many octets follow in unsolicited Data-Out; as many as was negotiated if None.
            connection: where; the leading connection if None.
            fields: fields of the SCSI Command to override.

        Raises:
            Inconclusive: the command window stays closed.
        """
        return start_command(
            connection or self.connection,
            self.parameters,
            cdb,
            *mutations,
            read=read,
            write=write,
            lun=self.initiator.lun if lun is None else lun,
            immediate_data=immediate_data,
            unsolicited=unsolicited,
            **fields,
        )

    def command(self, cdb: bytes | Encodable, *mutations: Mutation, **arguments: Any) -> CommandResult:
        """Execute a SCSI command to its end; as `start`, then `Task.wait`.

        Raises:
            ExpectationFailed: a PDU of the target breaks a rule.
        """
        return self.start(cdb, *mutations, **arguments).wait()

    # ---- everything else

    def nop(self, data: bytes = b"", *, connection: Connection | None = None, **fields: Any) -> Received[NopIn]:
        """Ping the target and require the echo.

        Raises:
            ExpectationFailed: no echo comes, or a wrong one.
        """
        chosen = connection or self.connection
        tag = chosen.send(NopOut, data=data, **fields).header.initiator_task_tag
        echo = self._answer(chosen, tag, NopIn)
        expected = data[: self.parameters.max_recv_data_segment_length]
        if echo.data != expected:
            chosen.rules.broken("echo", f"{len(echo.data)} octets for {len(expected)}", echo, "data")
        return echo

    def task_management(
        self,
        function: int,
        *mutations: Mutation,
        task: Task | None = None,
        lun: int | None = None,
        connection: Connection | None = None,
        **fields: Any,
    ) -> Received[TaskManagementResponse]:
        """Request a task management function and require a response.

        Args:
            function: which one (`iscsi_wire.constants.TaskManagementFunction`).
            mutations: what shall be wrong with the request.
            task: the referenced task, for ABORT TASK.
            lun: the LUN as in `start`; that of `task`, or the initiator's, if None.
            connection: where.
            fields: fields to override; the request is immediate unless they say otherwise.

        Raises:
            ExpectationFailed: no response comes.
        """
        chosen = connection or self.connection
        filled: dict[str, Any] = {"function": function, "immediate": 1}
        filled["lun"] = lun_field(self.initiator.lun if lun is None else lun)
        if task is not None:
            filled |= {"referenced_task_tag": task.tag, "ref_cmd_sn": task.cmd_sn, "lun": task.lun}
        filled |= fields
        draft = chosen.send(TaskManagementRequest, *mutations, **filled)
        return self._answer(chosen, draft.as_sent.initiator_task_tag, TaskManagementResponse)

    def begin_text(self, connection: Connection | None = None) -> TextExchange:
        """Begin a text exchange; nothing is sent yet."""
        return TextExchange(connection or self.connection)

    def text(
        self,
        pairs: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *mutations: Mutation,
        connection: Connection | None = None,
        **arguments: Any,
    ) -> TextResult:
        """Carry a text exchange to its end; see `TextExchange.run`. What it negotiates takes effect."""
        items = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
        result = self.begin_text(connection).run(*mutations, pairs=items, **arguments)
        if result.succeeded:
            result.negotiation.settle(self.parameters)
            result.connection.apply(self.parameters)
        return result

    def send_targets(self, value: str = "All", **arguments: Any) -> list[TargetRecord]:
        """Ask which targets there are (RFC 7143, 4.3 and Appendix C).

        Raises:
            ExpectationFailed: no Text Response comes, or one that is no list of targets.
        """
        result = self.text({"SendTargets": value}, **arguments)
        if not result.succeeded:
            raise result.connection.failed("Text Response", result.ending)
        return read_records(result)

    def logout(
        self,
        reason: int = LogoutReason.CLOSE_SESSION,
        *mutations: Mutation,
        connection: Connection | None = None,
        **fields: Any,
    ) -> Received[LogoutResponse]:
        """Log out and require a response; the connection stays open for the target to close.

        Raises:
            ExpectationFailed: no response comes.
        """
        chosen = connection or self.connection
        filled = {"reason_code": reason, "cid": chosen.cid if reason else 0} | fields
        draft = chosen.send(LogoutRequest, *mutations, **filled)
        return self._answer(chosen, draft.as_sent.initiator_task_tag, LogoutResponse)

    def close(self) -> None:
        """Close every connection, without a logout."""
        for connection in self.connections:
            connection.close()

    def _answer(self, connection: Connection, tag: int, kind: type[H]) -> Received[H]:
        """Wait for the answer to the request `tag`, which has to be of the class `kind`."""
        event = connection.take(_answers(tag), None)
        if isinstance(event, Received) and isinstance(event.header, kind):
            return cast("Received[H]", event)
        raise connection.failed(kind.TITLE, event)


def _answers(tag: int) -> Callable[[Received[Any]], bool]:
    return lambda pdu: getattr(pdu.header, "initiator_task_tag", None) == tag or rejected_tag(pdu) == tag
