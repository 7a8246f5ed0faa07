"""Adding and removing targets: every check with its return code, in order, and nothing left behind (1.3 and 1.4)."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import ReturnCode, chiscsi_lun
from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.config.pairs import format_buffer
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.portal import Portal
from chiscsi_target.core.registry import HIDDEN_ALIAS, HIDDEN_NAME
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.quirks import Quirks
from chiscsi_target.target_module import TargetModule
from iscsi_wire.records import LogRecord, Record
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand

Pairs = list[tuple[str, str]]
OTHER = NAME + ".other"
PORTAL, DISK = ("PortalGroup", "1@127.0.0.1:3260"), ("TargetDevice", "disk,MEM,size=1M")
GOOD: Pairs = [("TargetName", NAME), PORTAL, DISK]


class Attaching(HoldingDriver):
    """A pass-through class whose units come from `TargetDevice` lines, and which notes what is done with them."""

    def __init__(self, refuse: str = "", result: Any = -31) -> None:
        super().__init__()
        self.refuse, self.result = refuse, result
        self.done: list[str] = []

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        self.done.append(f"options {lu.path} {buf}")
        return 0

    def fp_attach(self, lu: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        self.done.append(f"attach {lu.path}")
        if lu.path != self.refuse:
            return 0
        if isinstance(self.result, Exception):
            raise self.result
        ebuf += b"no medium"
        return self.result  # type: ignore[no-any-return]

    def fp_flush(self, lu: chiscsi_lun) -> int:
        self.done.append(f"flush {lu.path}")
        return 0

    def fp_detach(self, lu: chiscsi_lun) -> None:
        self.done.append(f"detach {lu.path}")


class House:
    """A Target Module without a shell, its log and its portals."""

    def __init__(self, driver: HoldingDriver | None = None, quirks: Quirks | None = None) -> None:
        self.records: list[Record] = []
        self.module = TargetModule(listener=self.records.append, quirks=quirks)
        self.listening: list[Portal] = []
        self.module.listen, self.module.unlisten = self.listening.append, self.listening.remove
        if driver is not None:
            assert self.module.chiscsi_target_class_register(NotingClass()) == 0
            assert self.module.chiscsi_target_lun_class_register(driver, "NOTING") == 0

    def add(self, pairs: Pairs | bytes, name: str | None = NAME, class_name: str = "CHELSIO") -> int:
        buffer = pairs if isinstance(pairs, bytes) else format_buffer(pairs)
        return self.module.chiscsi_target_add(None, name, class_name, buffer, len(buffer))

    def change(self, pairs: Pairs | bytes, name: str | None = NAME, class_name: str = "CHELSIO") -> int:
        buffer = pairs if isinstance(pairs, bytes) else format_buffer(pairs)
        return self.module.chiscsi_target_reconfig(None, name, class_name, buffer, len(buffer))

    @property
    def log(self) -> str:
        return "\n".join(record.text for record in self.records if isinstance(record, LogRecord))


def more(*pairs: tuple[str, str]) -> Pairs:
    """The good description, with other values and with further keys."""
    keys = {key for key, _ in pairs}
    return [*(pair for pair in GOOD if pair[0] not in keys), *pairs]


FAULTS = [
    pytest.param(b"TargetName=x", "EFORMAT", "octet 12", id="no null octet at the end"),
    pytest.param(b"TargetName\0", "EFORMAT", "no key=value pair", id="no pair"),
    pytest.param(more(("Colour", "blue")), "EINVAL", "unrecognized key Colour.", id="unknown key"),
    pytest.param([PORTAL, DISK], "EINVAL", "TargetName", id="no name"),
    pytest.param([GOOD[0], DISK], "EINVAL", "No valid portal started!", id="no portal"),
    pytest.param([GOOD[0], PORTAL], "EINVAL", "has no logical unit", id="no unit"),
    pytest.param(more(("MaxBurstLength", "1")), "EINVAL", "MaxBurstLength", id="a value out of range"),
    pytest.param(more(("TargetName", OTHER)), "EINVAL", "is not", id="another name"),
    pytest.param(more(PORTAL, PORTAL), "EDUP", "is given twice", id="a portal group twice"),
    pytest.param(more(("PortalGroup", "1@127.0.0.1:3260,127.0.0.1:3260")), "EDUP", "given twice", id="a portal twice"),
    pytest.param(more(DISK, DISK), "EDUP", "is given twice", id="a unit twice"),
    pytest.param(
        more(("TargetDevice", "disk,MEM,size=1M"), ("TargetDevice", "disk,MEM,size=2M")),
        "EDUP",
        "path disk",
        id="a path twice",
    ),
    pytest.param(
        more(("PortalGroup", "1@127.0.0.1:3260,[7]")), "EINVAL", "redirect portalgroup 7 not found.", id="no tag 7"
    ),
    pytest.param(
        more(PORTAL, ("PortalGroup", "2@127.0.0.1:3261,[1]"), ("PortalGroup", "3@127.0.0.1:3262")),
        "EINVAL",
        "127.0.0.1:3262 unknown to redirection.",
        id="a portal outside redirection",
    ),
    pytest.param(more(("ACL", "dip=10.9.9.9")), "EINVAL", "ACL dip invalid:", id="no such portal"),
    pytest.param(
        more(*(("TargetDevice", f"d{number},MEM,size=1M") for number in range(16384))),
        "EINVAL",
        "TargetDevice",
        id="16384 units",
    ),
    pytest.param(more(("TargetDevice", "/nowhere,FILE")), "EINVAL", "No such file", id="a file that is not there"),
]


@pytest.mark.parametrize("description, code, message", FAULTS)
def test_a_faulty_description(description: Pairs | bytes, code: str, message: str) -> None:
    house = House()
    assert house.add(description) == -int(ReturnCode[code])
    assert message in house.log
    assert house.listening == [] and house.module.directory.registry.nodes == {} == house.module.configurations


@pytest.mark.parametrize("description, code, message", FAULTS)
def test_a_faulty_description_changes_nothing(description: Pairs | bytes, code: str, message: str) -> None:
    house = House()
    assert house.add(GOOD) == 0
    node = house.module.directory.registry.nodes[NAME]
    before = (node.luns, node.portals, node.access, house.module.configurations[NAME])
    assert house.change(description) == -int(ReturnCode[code])
    assert message in house.log and not node.updating
    assert (node.luns, node.portals, node.access, house.module.configurations[NAME]) == before
    assert house.listening == node.portals


@pytest.mark.parametrize("name", [None, ""])
def test_without_a_name(name: str | None) -> None:
    house = House()
    for call in (house.add, house.change):
        assert call(b"malformed", name) == -ReturnCode.ENONAME
    assert house.module.chiscsi_target_remove(None, name) == -ReturnCode.ENONAME


def test_the_order_of_the_checks() -> None:
    """Each fault is hidden by the one before it."""
    house = House()
    assert house.add(GOOD) == 0
    assert house.add(b"malformed", NAME, "NOBODY") == -ReturnCode.EFORMAT
    assert house.add(more(("Colour", "blue")), NAME, "NOBODY") == -ReturnCode.EINVAL
    assert house.log.endswith("target class NOBODY is not registered.")
    assert house.add(more(("Colour", "blue")), NAME) == -ReturnCode.EINVAL
    assert house.log.endswith(f"An target with name {NAME} already exists.")
    assert house.change(b"malformed", OTHER) == -ReturnCode.EINVAL
    assert house.change(b"malformed", NAME, "NOBODY") == -ReturnCode.EINVAL
    assert house.module.chiscsi_target_remove(None, OTHER) == -ReturnCode.ENOTFOUND


@pytest.mark.parametrize(
    "buffer, length", [(None, 0), ("TargetName=x\0", 13), (b"a=b\0", 5), (b"a=b\0", -1), (b"", None)]
)
def test_what_is_no_buffer(buffer: Any, length: Any) -> None:
    house = House()
    assert house.module.chiscsi_target_add(None, NAME, "CHELSIO", buffer, length) == -ReturnCode.EFORMAT
    assert house.log


@pytest.mark.parametrize("quirk, result, name", [(False, -ReturnCode.EINVAL, None), (True, 0, OTHER)])
def test_whose_name_counts(quirk: bool, result: int, name: str | None) -> None:
    """Quirk `name_from_buffer`: the buffer's; the argument finds duplicates only, as the sample driver has it (9.1)."""
    house = House(quirks=Quirks(name_from_buffer=quirk))
    assert house.add(more(("TargetName", OTHER)), NAME) == result
    assert list(house.module.directory.registry.nodes) == ([name] if name else [])
    if quirk:
        assert house.change(more(("TargetName", OTHER), ("TargetAlias", "it")), NAME) == 0
        assert house.module.directory.registry.nodes[OTHER].alias == "it"


def test_the_hidden_node_has_its_names() -> None:
    """It owns the discovery sessions, and nobody else is called so (behaviour file, 1.3)."""
    house = House()
    assert house.add(more(("TargetName", HIDDEN_NAME)), HIDDEN_NAME) == -ReturnCode.EINVAL
    assert house.add(more(("TargetAlias", HIDDEN_ALIAS))) == -ReturnCode.EINVAL and "already exists." in house.log
    config = parse_target(GOOD)
    config.name = HIDDEN_NAME
    with pytest.raises(ConfigurationError, match="already exists"):
        house.module.add_target(config)


def test_events_and_messages() -> None:
    house = House()
    events: list[tuple[int, str]] = []
    house.module.directory.login_worker.notify = lambda number, text: events.append((int(number), text))
    assert house.add(GOOD) == 0 and house.change(GOOD) == 0
    assert house.module.chiscsi_target_remove(None, NAME) == 0
    assert house.log.splitlines() == [f"target {NAME} {what}." for what in ("added", "updated", "removed")]
    numbers = (chiscsi_event.NODE_ADDED, chiscsi_event.NODE_REMOVED)
    assert events == [(int(number), f"Node name={NAME}") for number in numbers]


# Units of a driver's class


UNITS = [("TargetDevice", "one,x=1"), ("TargetDevice", "two")]


def test_units_are_configured_then_attached_in_order() -> None:
    driver = Attaching()
    house = House(driver)
    assert house.add([*GOOD[:2], *UNITS], class_name="NOTING") == 0
    assert driver.done == ["options one x=1", "options two ", "attach one", "attach two"]
    driver.done.clear()
    assert house.module.chiscsi_target_remove(None, NAME) == 0
    assert driver.done == ["flush one", "detach one", "flush two", "detach two"]


@pytest.mark.parametrize(
    "result, code, message",
    [
        (-31, -31, "no medium"),
        (-13, -13, "no medium"),
        (OSError("gone"), -26, "fp_attach raised OSError('gone')"),
        (None, -26, "fp_attach returned None"),
    ],
)
def test_the_result_of_attach_is_the_result_of_the_call(result: Any, code: int, message: str) -> None:
    """Those attached so far are detached."""
    driver = Attaching("two", result)
    house = House(driver)
    assert house.add([*GOOD[:2], *UNITS], class_name="NOTING") == code
    assert driver.done[2:] == ["attach one", "attach two", "flush one", "detach one"]
    assert message in house.log and house.module.directory.registry.nodes == {}


def test_a_class_that_makes_no_units_must_have_none() -> None:
    house = House(HoldingDriver())
    assert house.add([*GOOD[:2], *UNITS], class_name="NOTING") == -ReturnCode.EINVAL
    assert "makes no logical units" in house.log
    assert house.add(GOOD[:2], class_name="NOTING") == 0


def test_reattach_attach_and_detach() -> None:
    """Behaviour file, 1.5: same path, new path, path that is no more."""
    driver = Attaching()

    def reattach(lu: chiscsi_lun, lu_new: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        driver.done.append(f"reattach {lu.path} {lu.lun} {lu_new.lun}")
        return 0

    driver.fp_reattach = reattach  # type: ignore[method-assign]
    house = House(driver)
    assert house.add([*GOOD[:2], *UNITS], class_name="NOTING") == 0
    driver.done.clear()
    pairs: Pairs = [*GOOD[:2], UNITS[1], ("TargetDevice", "three")]
    assert house.change(pairs, class_name="NOTING") == 0
    calls = [line for line in driver.done if not line.startswith("options")]
    assert calls == ["attach three", "reattach two 1 0", "flush one", "detach one"]


def test_a_reattach_that_fails_takes_the_others_back() -> None:
    driver = Attaching()

    def reattach(lu: chiscsi_lun, lu_new: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        driver.done.append(f"reattach {lu.path}")
        return -25 if lu.path == "two" else 0

    driver.fp_reattach = reattach  # type: ignore[method-assign]
    house = House(driver)
    assert house.add([*GOOD[:2], *UNITS], class_name="NOTING") == 0
    luns = house.module.directory.registry.nodes[NAME].luns
    driver.done.clear()
    pairs: Pairs = [*GOOD[:2], *UNITS, ("TargetDevice", "three")]
    assert house.change(pairs, class_name="NOTING") == -25
    calls = [line for line in driver.done if not line.startswith("options")]
    assert calls == ["attach three", "reattach one", "reattach two", "reattach one", "flush three", "detach three"]
    assert house.module.directory.registry.nodes[NAME].luns is luns


# ShadowMode, shared portals


SHADOW: Pairs = [("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@192.0.2.7:3260"), ("ShadowMode", "Yes")]


@pytest.mark.parametrize("devices", [[], [("TargetDevice", "/nowhere,FILE")]])
def test_a_shadow_listens_where_it_redirects_only(devices: Pairs) -> None:
    """Groups without a list are on another machine, and the units with them (behaviour file, 2.5)."""
    house = House()
    assert house.add([GOOD[0], *SHADOW, *devices]) == 0
    assert [str(portal.address) for portal in house.listening] == ["127.0.0.1:3260"]
    assert house.module.directory.registry.nodes[NAME].luns == []


def test_without_shadow_mode_all_groups_are_local() -> None:
    house = House()
    assert house.add(more(*SHADOW[:2])) == 0
    assert [str(portal.address) for portal in house.listening] == ["127.0.0.1:3260", "192.0.2.7:3260"]


def test_shadow_mode_without_redirection_means_nothing() -> None:
    house = House()
    assert house.add(more(("ShadowMode", "Yes"))) == 0 and len(house.listening) == 1


def test_a_shared_portal_is_left_by_the_one_that_goes() -> None:
    stand = Stand()
    other = stand.add(OTHER)
    waiting, mine = stand.connect(), stand.connect()
    mine.ask(mine.names(NAME), csg=0, nsg=None)
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    for peer in (waiting, mine):
        peer.receive()
    assert mine.closed and not waiting.closed
    waiting.login(other.name)
    assert stand.module.chiscsi_target_remove(None, OTHER) == 0


def test_more_than_one_portal_that_fails() -> None:
    house = House()

    def listen(portal: Portal) -> None:
        raise ConfigurationError("PortalGroup", f"failed to start {portal.address}.")

    house.module.listen = listen
    assert house.add(more(("PortalGroup", "1@127.0.0.1:1,127.0.0.1:2"))) == -ReturnCode.EINVAL
    assert house.log.splitlines() == [
        "failed to start 127.0.0.1:1.",
        "failed to start 127.0.0.1:2.",
        f"{NAME}: No valid portal started!",
    ]
