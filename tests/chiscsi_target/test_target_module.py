"""The guide's functions for classes and targets: what they take, what they return, what they leave behind."""

from __future__ import annotations

import pytest

from chiscsi_target.api import ReturnCode, chiscsi_target_class, chiscsi_target_lun_class
from chiscsi_target.config.pairs import format_buffer
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.portal import Portal
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.target_module import TargetModule
from iscsi_wire.records import LogRecord, Record
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand

EINVAL, EBUSY, EFORMAT, ENONAME, ENOTFOUND = (
    -int(code)
    for code in (ReturnCode.EINVAL, ReturnCode.EBUSY, ReturnCode.EFORMAT, ReturnCode.ENONAME, ReturnCode.ENOTFOUND)
)
PAIRS = [("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:3260,127.0.0.1:3261"), ("TargetDevice", "disk,MEM,size=1M")]


class Registered:
    """A Target Module that keeps its log, with a class of its own."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.module = TargetModule(listener=self.records.append)
        self.listening: list[Portal] = []
        self.module.listen = self.listening.append
        self.module.unlisten = self.listening.remove
        self.target_class = NotingClass()
        self.driver = HoldingDriver()

    def register(self) -> None:
        assert self.module.chiscsi_target_class_register(self.target_class) == 0
        assert self.module.chiscsi_target_lun_class_register(self.driver, "NOTING") == 0

    @property
    def log(self) -> list[str]:
        return [record.text for record in self.records if isinstance(record, LogRecord)]


@pytest.fixture
def registered() -> Registered:
    return Registered()


# Classes


def test_a_class_needs_a_name_of_its_own(registered: Registered) -> None:
    module = registered.module
    assert module.chiscsi_target_class_register(chiscsi_target_class()) == EINVAL
    assert module.chiscsi_target_class_register(registered.target_class) == 0
    assert module.chiscsi_target_class_register(registered.target_class) == EINVAL
    assert registered.log[-1] == "target class NOTING already registered."


def test_classes_go_when_no_target_is_left(registered: Registered) -> None:
    module = registered.module
    registered.register()
    module.add_target(parse_target([*PAIRS[:2], ("TargetClass", "NOTING")]))
    assert module.chiscsi_target_class_deregister("NOTING") == EBUSY
    assert module.chiscsi_target_remove(None, NAME) == 0
    assert module.chiscsi_target_class_deregister("NOTING") == 0
    assert module.chiscsi_target_class_deregister("NOTING") == EINVAL


def test_the_built_in_class_stays(registered: Registered) -> None:
    assert registered.module.chiscsi_target_class_deregister("CHELSIO") == EINVAL


def test_a_lun_class_needs_its_mandatory_hooks(registered: Registered) -> None:
    class Half(chiscsi_target_lun_class):
        class_name = "HALF"

        def fp_scsi_cmd_cdb_rcved(self, sc: object) -> int:
            return 0

    registered.register()
    assert registered.module.chiscsi_target_lun_class_register(Half(), "NOTING") == EINVAL
    lacking = "fp_scsi_cmd_data_xfer_status, fp_scsi_cmd_abort, fp_tmf_execute"
    assert registered.log[-1] == f"LUN class HALF lacks {lacking}."


@pytest.mark.parametrize("target_class", ["NOTING", "NOBODY"])
def test_a_lun_class_is_registered_once_under_a_class_that_there_is(registered: Registered, target_class: str) -> None:
    registered.register()
    assert registered.module.chiscsi_target_lun_class_register(registered.driver, target_class) == EINVAL


def test_pass_through_implies_a_command_queue(registered: Registered) -> None:
    registered.register()
    assert registered.module.classes.lun_classes("NOTING")["HOLDING"].property == 0b101


def test_a_lun_class_goes_when_its_commands_are_over() -> None:
    stand = Stand(driver=HoldingDriver())
    peer = stand.login()
    peer.command("00")
    assert isinstance(stand.driver, HoldingDriver)
    module = stand.module
    assert module.chiscsi_target_lun_class_deregister("NOBODY", "DRIVER") == EINVAL
    assert module.chiscsi_target_lun_class_deregister("HOLDING", "NOBODY") == EINVAL
    assert module.chiscsi_target_lun_class_deregister("HOLDING", "DRIVER") == EBUSY
    stand.driver.complete(stand.driver.last)
    peer.receive()
    assert module.chiscsi_target_lun_class_deregister("HOLDING", "DRIVER") == 0


# Targets


def test_a_target_from_a_buffer(registered: Registered) -> None:
    buffer = format_buffer(PAIRS)
    assert registered.module.chiscsi_target_add("mine", NAME, "CHELSIO", buffer, len(buffer)) == 0
    node = registered.module.directory.registry.nodes[NAME]
    assert (node.private, len(node.portals), len(node.luns)) == ("mine", 2, 1)
    assert registered.listening == node.portals
    assert registered.log[-1] == f"target {NAME} added."
    assert registered.module.chiscsi_target_add(None, NAME, "CHELSIO", buffer, len(buffer)) == EINVAL
    assert registered.module.chiscsi_target_remove(None, NAME) == 0
    assert registered.listening == [] and registered.log[-1] == f"target {NAME} removed."
    assert registered.module.chiscsi_target_remove(None, NAME) == ENOTFOUND


@pytest.mark.parametrize(
    "name, class_name, buffer, result",
    [
        ("", "CHELSIO", format_buffer(PAIRS), ENONAME),
        (NAME, "CHELSIO", b"TargetName", EFORMAT),
        (NAME, "NOBODY", format_buffer(PAIRS), EINVAL),
        (NAME + "x", "CHELSIO", format_buffer(PAIRS), EINVAL),
        (NAME, "CHELSIO", format_buffer([*PAIRS, ("Nonsense", "1")]), EINVAL),
        (NAME, "CHELSIO", format_buffer(PAIRS[:2]), EINVAL),
        (NAME, "CHELSIO", format_buffer([*PAIRS, ("TargetDevice", "b,MEM,size=7")]), EINVAL),
        (NAME, "CHELSIO", format_buffer([*PAIRS, ("TargetDevice", "/nowhere,FILE")]), EINVAL),
    ],
)
def test_a_target_that_cannot_be(
    registered: Registered, name: str, class_name: str, buffer: bytes, result: int
) -> None:
    assert registered.module.chiscsi_target_add(None, name, class_name, buffer, len(buffer)) == result
    assert registered.module.directory.registry.nodes == {} and registered.listening == []


def test_the_buffers_length_counts(registered: Registered) -> None:
    buffer = format_buffer(PAIRS)
    more = buffer + b"Nonsense=1\0"
    assert registered.module.chiscsi_target_add(None, NAME, "CHELSIO", more, len(buffer)) == 0


def test_names_and_aliases_are_unique(registered: Registered) -> None:
    module = registered.module
    module.add_target(parse_target([*PAIRS, ("TargetAlias", "it")]))
    for pairs, where, message in (
        (PAIRS, "TargetName", f"An target with name {NAME} already exists."),
        ([("TargetName", NAME + "2"), *PAIRS[1:], ("TargetAlias", "it")], "TargetAlias", "An target with alias it "),
    ):
        with pytest.raises(ConfigurationError) as caught:
            module.add_target(parse_target(pairs))
        assert caught.value.where == where and message in caught.value.message


def test_a_target_none_of_whose_portals_start_leaves_nothing(registered: Registered) -> None:
    """Behaviour file, 1.3: each is reported, and the units that were attached are detached."""

    def listen(portal: Portal) -> None:
        raise ConfigurationError("PortalGroup", f"failed to start {portal.address}.")

    registered.module.listen = listen
    with pytest.raises(ConfigurationError, match="No valid portal started!"):
        registered.module.add_target(parse_target(PAIRS))
    assert registered.log[-2:] == ["failed to start 127.0.0.1:3260.", "failed to start 127.0.0.1:3261."]
    assert registered.listening == [] and registered.module.directory.registry.nodes == {}


def test_a_class_without_lun_class_serves_nothing(registered: Registered) -> None:
    assert registered.module.chiscsi_target_class_register(registered.target_class) == 0
    with pytest.raises(ConfigurationError, match="has no LUN class"):
        registered.module.add_target(parse_target([*PAIRS[:2], ("TargetClass", "NOTING")]))
