"""The card's shell: whole iSCSI sessions over the TCP offload engine, portals, and how connections end."""

from __future__ import annotations

from collections import Counter

import pytest

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.connection import Connection
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.state import State
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.shells.card import CardTarget
from chiscsi_target.shells.stream import LINGER
from chiscsi_target.target_module import TargetModule
from initiator_sim import Session, expect
from initiator_sim.segments import Host, Impairments
from iscsi_wire import scsi
from iscsi_wire.records import LogRecord, PlacementRecord, TransportRecord
from tests.chiscsi_target.shells.carded import BLOCK, IQN, PORT, V4, V6, Carded

DATA = bytes(range(251)) * 261 + b"." * 25  # 128 blocks
BOTH = pytest.mark.parametrize("address", [V4, V6])
DIGESTS = pytest.mark.parametrize("digests", [{}, {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}], ids=["-", "crc"])


@BOTH
@DIGESTS
@pytest.mark.parametrize("keys", [{"InitialR2T": "Yes", "ImmediateData": "No"}, {"InitialR2T": "No"}], ids=["r2t", "-"])
def test_a_whole_session(address: str, digests: dict[str, str], keys: dict[str, str]) -> None:
    bench = Carded()
    bench.session(DATA, address, {**digests, **keys, "MaxBurstLength": "16384"})
    assert len(bench.clients) == 1
    bench.rest()
    assert bench.left_over == {}
    assert bench.card.engine.dropped == Counter()
    assert bench.host.unclaimed == []


@BOTH
def test_the_fast_paths_when_nobody_listens(address: str) -> None:
    bench = Carded(quiet=True)
    bench.session(DATA, address, {"InitialR2T": "Yes"})
    bench.rest()
    assert bench.left_over == {}


@pytest.mark.parametrize("offload", Offload)
def test_the_card_places_what_its_tcp_puts_in_order(offload: Offload) -> None:
    """Segments come late and twice; page pods and PDU recovery get octets in order."""
    bench = Carded(Impairments(loss=0.1, reorder=0.2, delay=0.001, seed=3), offload=offload)
    bench.session(DATA)
    placed = sum(record.placed for record in bench.records if isinstance(record, PlacementRecord))
    assert (placed == len(DATA)) == (offload is Offload.ULP)
    bench.rest()
    assert bench.left_over == {}
    terminator = bench.module.terminator
    assert terminator is None or not terminator.connections


def test_the_host_hears_of_connections_octets_and_ends() -> None:
    bench = Carded()
    heard: list[cpl.ToCard | cpl.ToHost] = []
    bench.card.engine.listener = heard.append
    bench.session(DATA)
    bench.rest()
    names = [type(message).__name__ for message in heard]
    assert names[:4] == ["CPL_PASS_ACCEPT_REQ", "CPL_PASS_ACCEPT_RPL", "CPL_PASS_ESTABLISH", "CPL_RX_DATA"]
    # After the logout the target closes first.
    assert [name for name in names if "CLOSE" in name] == ["CPL_CLOSE_CON_REQ", "CPL_CLOSE_CON_RPL", "CPL_PEER_CLOSE"]
    sent = sum(len(message.data) for message in heard if isinstance(message, cpl.CPL_TX_DATA))
    acknowledged = sum(message.credits for message in heard if isinstance(message, cpl.CPL_FW4_ACK))
    assert sent == acknowledged > len(DATA)


def test_octets_come_to_the_core_in_the_sizes_of_their_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Carded()
    client = bench.connect()
    sizes: list[int] = []
    received = Connection.received

    def note(connection: Connection, count: int) -> None:
        sizes.append(count)
        received(connection, count)

    monkeypatch.setattr(Connection, "received", note)
    login = b"\x43\0\0\0\0" + (4000).to_bytes(3) + bytes(40)  # the beginning of one with much text
    for end, size in ((1, 1), (21, 20), (24, 3), (48, 24)):
        client.send(login[end - size : end])
    client.send(bytes(3000))
    assert sizes == [1, 20, 3, 24, 1460, 1460, 80]


def ready(bench: Carded, **keys: str) -> Session:
    session = bench.initiator().login(keys=keys)
    session.command(scsi.TestUnitReady())
    return session


@pytest.mark.parametrize("reset", [True, False])
def test_the_initiator_ends_a_connection(reset: bool) -> None:
    bench = Carded()
    session = ready(bench)
    if reset:
        session.connection.reset()
    else:
        session.connection.close()
    events = [record.event for record in bench.records if isinstance(record, TransportRecord)]
    assert events == ["connected", "reset" if reset else "closed"]
    assert bench.card.connections == 0
    bench.rest()
    assert bench.left_over == {}


def test_what_comes_behind_the_end_is_read_and_forgotten() -> None:
    """The target closes, the initiator sends on, more than a window: it can still end in order."""
    bench = Carded()
    client = bench.connect()
    client.send(b"\x03" * 48)  # a login that makes no sense
    assert client.receive(5.0) == b""
    client.send(bytes(400_000))
    bench.link.pass_time(1.0)
    assert client.snd_una == client.snd_nxt
    client.close()
    bench.rest()
    assert not client.was_reset
    assert bench.left_over == {}


def test_a_peer_that_never_closes_is_given_up() -> None:
    bench = Carded()
    client = bench.connect()
    client.send(b"\x03" * 48)
    while client.receive(5.0):
        pass
    (connection,) = bench.card.engine.connections.values()
    assert connection.state is State.FIN_WAIT_2
    bench.link.pass_time(60.0)
    assert bench.card.engine.connections == {}


def test_a_peer_that_takes_nothing_is_broken_off_after_a_while() -> None:
    """The last octets of a connection that closes have LINGER seconds to leave for the card."""
    bench = Carded(settings=TcpSettings(send_buffer=4096))
    session = ready(bench)
    client = bench.clients[0]
    client.window = 0
    client.transmit(client.craft())  # the window is closed from now on
    session.start(scsi.Read10.make(logical_block_address=0, transfer_length=64), read=64 * BLOCK)
    (handle,) = (live.handle for live in bench.module.directory.registry.active())
    assert bench.module.chiscsi_target_session_abort(handle) == 0
    bench.card.pump()
    assert bench.card.connections == 1
    bench.link.pass_time(LINGER)
    assert bench.card.connections == 0
    assert client.was_reset


def test_a_slow_peer_gets_everything_in_the_end() -> None:
    """A window of half a kilobyte: the card waits for it, the core for the card, the driver for the core."""
    bench = Carded(settings=TcpSettings(send_buffer=2048))
    session = ready(bench)
    client = bench.clients[0]
    client.window = 512
    client.transmit(client.craft())
    read = scsi.Read10.make(logical_block_address=0, transfer_length=64)
    session.command(read, read=64 * BLOCK).expect(expect.good(data=bytes(64 * BLOCK)))
    lengths = {len(segment.data) for segment in client.segments[-60:]}
    assert max(lengths) <= 512


def test_segments_are_as_large_as_the_peer_takes_them() -> None:
    bench = Carded()
    client = bench.host.connect(V4, PORT, options=[("MSS", 300)])
    initiator = bench.initiator()
    initiator._open_transport = lambda: client
    session = initiator.login()
    session.command(scsi.TestUnitReady())
    session.command(scsi.Read10.make(transfer_length=8), read=8 * BLOCK).expect(expect.good())
    assert max(len(segment.data) for segment in client.segments) == 300


def test_a_port_that_nobody_listens_on() -> None:
    bench = Carded()
    with pytest.raises(ConnectionRefusedError):
        bench.host.connect(V4, PORT + 1)


def test_a_removed_target_listens_no_more_and_its_sessions_end() -> None:
    bench = Carded()
    session = ready(bench)
    assert bench.module.chiscsi_target_remove(None, IQN) == 0
    session.expect(expect.async_message())
    session.expect(expect.connection_closed())
    with pytest.raises(ConnectionRefusedError):
        bench.connect(V6)


def test_the_last_node_leaves_while_a_connection_begins() -> None:
    bench = Carded()
    client = bench.host.client(V4, PORT)
    answers = 0

    def remove(direction: str, octets: bytes) -> None:
        """Between the answer to the SYN and the third segment."""
        nonlocal answers
        answers += direction == "to initiator"
        if answers == 1 and direction == "to target":
            bench.module.chiscsi_target_remove(None, IQN)

    bench.link.fate = remove
    client.open(5.0)
    bench.link.settle()
    assert client.was_reset
    assert bench.card.connections == 0
    bench.rest()
    assert bench.left_over == {}


def test_portals() -> None:
    """Port 0 is a free one; a portal that several nodes name is one; a wildcard takes all addresses of its family."""
    module = TargetModule()
    card = CardTarget(module)

    def add(name: str, place: str) -> None:
        module.add_target(
            parse_target([("TargetName", name), ("PortalGroup", place), ("TargetDevice", "d,MEM,SIZE=1M")])
        )

    add(IQN, f"1@{V4}:0")
    add(IQN + ".2", "1@0.0.0.0:3260")
    add(IQN + ".3", "1@0.0.0.0:3260")
    (portal,) = module.directory.registry.nodes[IQN].portals
    assert portal.address.port >= 49152
    host = Host(card)
    host.connect(V4, portal.address.port)
    host.connect(V4, 3260)
    with pytest.raises(ConnectionRefusedError):
        host.connect(V6, 3260)
    module.remove_target(IQN + ".2")
    host.connect(V4, 3260)
    module.remove_target(IQN + ".3")
    with pytest.raises(ConnectionRefusedError):
        host.connect(V4, 3260)


def test_an_address_that_is_not_the_cards() -> None:
    module = TargetModule()
    CardTarget(module)
    pairs = [("TargetName", IQN), ("PortalGroup", "1@198.51.100.7:3260"), ("TargetDevice", "d,MEM,SIZE=1M")]
    with pytest.raises(ConfigurationError, match="No valid portal"):
        module.add_target(parse_target(pairs))


def test_the_target_pings_an_idle_initiator() -> None:
    """The core's own timers run on the link's clock."""
    bench = Carded()
    pairs = [("TargetName", IQN + ".2"), ("PortalGroup", f"1@{V4}:3261,timeout=30"), ("TargetDevice", "d,MEM,SIZE=1M")]
    bench.module.add_target(parse_target(pairs))
    initiator = bench.initiator()
    initiator.target_name = IQN + ".2"
    initiator._open_transport = lambda: bench.host.connect(V4, 3261)
    session = initiator.login()
    client = next(iter(bench.host.clients.values()))
    assert session.connection.ended is False
    assert client.receive(100.0) is not None
    assert bench.link.now == 30.0
    assert client.receive(100.0) == b""
    assert bench.link.now == 60.0
    assert client.was_reset


def test_several_workers() -> None:
    bench = Carded()
    module = TargetModule(workers=3)
    card = CardTarget(module)
    for number in range(4):
        pairs = [
            ("TargetName", f"{IQN}.{number}"),
            ("PortalGroup", f"1@{V4}:{PORT}"),
            ("TargetDevice", "d,MEM,SIZE=1M"),
        ]
        module.add_target(parse_target(pairs))
    host = Host(card)
    for number in range(4):
        initiator = bench.initiator()
        initiator.target_name = f"{IQN}.{number}"
        initiator._open_transport = lambda: host.connect(V4, PORT)
        session = initiator.login()
        assert session.nop(bytes([number])).data == bytes([number])
    assert card.connections == 4


def test_a_condition_that_never_comes_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="nothing is left to do"):
        Carded().module.wait_until(lambda: False)


def test_the_same_seed_gives_the_same_packets() -> None:
    def packets(seed: int) -> list[bytes]:
        bench = Carded(Impairments(loss=0.1, reorder=0.1, delay=0.001, seed=seed), seed)
        client = bench.connect()
        client.send(b"\x03" * 48)
        while client.receive(5.0):
            pass
        client.close()
        bench.rest()
        return [crossing.octets for crossing in bench.link.crossings]

    assert packets(3) == packets(3)
    assert packets(3) != packets(4)


def test_a_login_that_takes_too_long_ends() -> None:
    bench = Carded()
    client = bench.connect()
    assert client.receive(1000.0) == b""
    assert bench.link.now == 300.0


def test_what_the_card_says_is_recorded() -> None:
    bench = Carded()
    bench.session(DATA)
    lines = [record.text.partition("(")[0] for record in bench.records if isinstance(record, LogRecord)]
    assert [line for line in lines if line.startswith("CPL_")] == [
        *["CPL_PASS_OPEN_REQ", "CPL_PASS_OPEN_RPL"] * 2,
        "CPL_PASS_ACCEPT_REQ",
        "CPL_PASS_ACCEPT_RPL",
        "CPL_PASS_ESTABLISH",
        "CPL_CLOSE_CON_REQ",
        "CPL_CLOSE_CON_RPL",
        "CPL_PEER_CLOSE",
    ]
