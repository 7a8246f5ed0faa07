"""Registering classes, adding and removing targets: rules and return codes (guide 5.1.1, 5.2.1, 6.1)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import LUN_CLASS_HAS_CMD_QUEUE_BIT
from chiscsi_target.api.lun_class import MANDATORY_HOOKS
from conformance.api import AsyncEvent, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.driver_bench.bench import CLASS, LUN_CLASS
from conformance.driver_bench.playing import EINVAL
from conformance.suites.driver_api.logins import send_first

Make = Callable[..., DriverBench]
ENONAME, ENOTFOUND, EFORMAT, EBUSY = -8, -9, -17, -24
COMMAND_HOOKS = (*MANDATORY_HOOKS, "fp_scsi_cmd_abort_status", "fp_scsi_cmd_cleanup")


def serve_on_a_second_target(bench: DriverBench) -> set[str]:
    """Add a target node, and execute a command there.

    Returns:
        The names of the LUN classes whose hooks were called.
    """
    name = f"{bench.name}.two"
    assert bench.add_target(name) == 0
    task, sc = bench.begin_no_data(bench.login(keys={"TargetName": name}))
    bench.executed(sc)
    task.expect(expect.good())
    return {call.class_name for call in bench.hooks.calls if call.name.startswith("fp_scsi")}


@driver_case("drv-class-01", guide="5.1.1", behaviour="1.1")
@variants("name", ["", CLASS, "CHELSIO"], ids=["none", "taken", "built-in"])
def test_class_needs_a_name_of_its_own(bench: DriverBench, name: str) -> None:
    """chiscsi_target_class_register returns -EINVAL for a class without a name, or with one that is registered."""
    result = bench.module.chiscsi_target_class_register(bench.make_target_class(name))
    assert result == EINVAL, f"result {result}"


@driver_case("drv-class-02", behaviour="1.1")
def test_class_names_are_case_sensitive(bench: DriverBench) -> None:
    """Names of classes that differ in upper and lower case are different names."""
    result = bench.module.chiscsi_target_class_register(bench.make_target_class(CLASS.lower()))
    assert result == 0, f"result {result}"


@driver_case("drv-class-03", behaviour="1.1")
@variants("name", ["NOBODY", "CHELSIO"], ids=["unknown", "built-in"])
def test_only_registered_classes_of_users_are_deregistered(bench: DriverBench, name: str) -> None:
    """chiscsi_target_class_deregister returns -EINVAL for a name that nobody has; the built-in class stays."""
    result = bench.module.chiscsi_target_class_deregister(name)
    assert result == EINVAL, f"result {result}"


@driver_case("drv-class-04", behaviour="1.1")
def test_class_of_a_target_is_busy(bench: DriverBench) -> None:
    """A class is not deregistered while a node of it exists (-EBUSY); when that is removed, it is."""
    result = bench.module.chiscsi_target_class_deregister(CLASS)
    assert result == EBUSY, f"result {result} with a node"
    assert bench.module.chiscsi_target_remove(None, bench.name) == 0
    result = bench.module.chiscsi_target_class_deregister(CLASS)
    assert result == 0, f"result {result} without"


@driver_case("drv-class-05", behaviour="1.1")
def test_deregistered_name_is_free(bench: DriverBench) -> None:
    """A class that was deregistered takes its LUN classes with it; its name can be registered anew."""
    assert bench.module.chiscsi_target_remove(None, bench.name) == 0
    assert bench.module.chiscsi_target_class_deregister(CLASS) == 0
    assert bench.module.chiscsi_target_class_register(bench.make_target_class(CLASS, [])) == 0
    result = bench.module.chiscsi_target_lun_class_deregister(LUN_CLASS, CLASS)
    assert result == EINVAL, f"the LUN class is still there: {result}"


@driver_case("drv-lun-class-01", guide="5.2.4", behaviour="1.2")
@variants("hook", MANDATORY_HOOKS)
def test_lun_class_without_a_mandatory_hook_is_refused(bench: DriverBench, hook: str) -> None:
    """Four command hooks are mandatory: without one of them, chiscsi_target_lun_class_register returns -EINVAL."""
    incomplete = bench.make_lun_class("HALF", [name for name in COMMAND_HOOKS if name != hook])
    result = bench.module.chiscsi_target_lun_class_register(incomplete, CLASS)
    assert result == EINVAL, f"result {result}"


@driver_case("drv-lun-class-02", guide="5.2.4", behaviour="1.2")
def test_other_hooks_are_optional(make_bench: Make) -> None:
    """A LUN class with the four mandatory hooks and no other serves commands to their end."""
    bench = make_bench(lun_hooks=MANDATORY_HOOKS)
    task, sc = bench.begin_no_data()
    bench.executed(sc)
    task.expect(expect.good())
    bench.expect_no_log("raised")


@driver_case("drv-lun-class-03", guide="5.2.1", behaviour="1.2")
@variants(
    "name, parent", [("", CLASS), (LUN_CLASS, CLASS), ("OTHER", "NOBODY")], ids=["no-name", "taken", "unknown-class"]
)
def test_lun_class_needs_a_name_and_a_class(bench: DriverBench, name: str, parent: str) -> None:
    """chiscsi_target_lun_class_register returns -EINVAL without a name, for one that is taken, or an unknown class."""
    result = bench.module.chiscsi_target_lun_class_register(bench.make_lun_class(name), parent)
    assert result == EINVAL, f"result {result}"


@driver_case("drv-lun-class-04", behaviour="1.2")
@variants("name, parent", [("NOBODY", CLASS), (LUN_CLASS, "NOBODY")], ids=["unknown-lun-class", "unknown-class"])
def test_deregistering_an_unknown_lun_class_is_refused(bench: DriverBench, name: str, parent: str) -> None:
    """chiscsi_target_lun_class_deregister returns -EINVAL when either name is unknown."""
    result = bench.module.chiscsi_target_lun_class_deregister(name, parent)
    assert result == EINVAL, f"result {result}"


@driver_case("drv-lun-class-05", behaviour="1.2, 9.4")
def test_lun_class_with_commands_is_busy(bench: DriverBench) -> None:
    """A LUN class is not deregistered while commands of it are outstanding (-EBUSY); afterwards it is."""
    task, sc = bench.begin_no_data()
    result = bench.module.chiscsi_target_lun_class_deregister(LUN_CLASS, CLASS)
    assert result == EBUSY, f"result {result} with a command"
    bench.executed(sc)
    task.expect(expect.good())
    result = bench.module.chiscsi_target_lun_class_deregister(LUN_CLASS, CLASS)
    assert result == 0, f"result {result} without"


@driver_case("drv-lun-class-06", guide="5.2.2.3", behaviour="1.2")
@variants("properties", [0b01, 0b11, 0b10], ids=["pass-through", "multi-phase", "multi-phase-alone"])
def test_driver_with_phases_or_all_commands_completes_on_its_own(bench: DriverBench, properties: int) -> None:
    """LUN_CLASS_SCSI_PASS_THRU_BIT or LUN_CLASS_MULTI_PHASE_DATA_BIT implies LUN_CLASS_HAS_CMD_QUEUE_BIT."""
    assert (
        bench.module.chiscsi_target_lun_class_register(bench.make_lun_class("QUEUED", properties=properties), CLASS)
        == 0
    )
    registered = bench.registered_lun_class("QUEUED")
    assert registered.property & 1 << LUN_CLASS_HAS_CMD_QUEUE_BIT, f"property {registered.property:#b}"


@driver_case("drv-lun-class-07", behaviour="1.2")
def test_first_lun_class_gets_the_commands(bench: DriverBench) -> None:
    """The LUN class that was registered first is its class's default, which serves a node without a LUN list."""
    assert bench.module.chiscsi_target_lun_class_register(bench.make_lun_class("SECOND"), CLASS) == 0
    names = serve_on_a_second_target(bench)
    assert names == {LUN_CLASS}, f"hooks of {names} are called"


@driver_case("drv-lun-class-09", behaviour="1.2")
def test_registered_class_is_a_copy(bench: DriverBench) -> None:
    """The stack keeps a copy of the class: what a driver changes in its own afterwards has no effect."""
    bench.lun_class.class_name = "RENAMED"
    bench.lun_class.property = 0
    bench.lun_class.fp_scsi_cmd_cdb_rcved = lambda sc: 1 // 0  # type: ignore[method-assign]
    names = serve_on_a_second_target(bench)
    assert names == {LUN_CLASS}, f"hooks of {names} are called"


@driver_case("drv-lun-class-08", guide="7.3.5.1", behaviour="2.3")
def test_multi_phase_node_takes_no_data_unasked(make_bench: Make) -> None:
    """A node of a multi-phase class settles for ImmediateData=No and InitialR2T=Yes, whatever is configured."""
    bench = make_bench(multi_phase=True, keys={"ImmediateData": "Yes", "InitialR2T": "No"})
    parameters = bench.login(keys={"ImmediateData": "Yes", "InitialR2T": "No"}).parameters
    assert not parameters.immediate_data and parameters.initial_r2t, f"{parameters}"


@driver_case("drv-node-01", guide="6.1.1", behaviour="1.3")
def test_target_without_a_name_is_not_added(bench: DriverBench) -> None:
    """chiscsi_target_add returns -ENONAME when it is given no name."""
    result = bench.module.chiscsi_target_add(None, "", CLASS, b"", 0)
    assert result == ENONAME, f"result {result}"


@driver_case("drv-node-02", guide="6.1.1", behaviour="1.3")
def test_malformed_configuration_is_refused(bench: DriverBench) -> None:
    """A configuration buffer that is no sequence of NUL-terminated key=value pairs gives -EFORMAT."""
    buffer = b"TargetName\0MaxConnections\0"
    result = bench.module.chiscsi_target_add(None, f"{bench.name}.two", CLASS, buffer, len(buffer))
    assert result == EFORMAT, f"result {result}"


@driver_case("drv-node-03", guide="6.1.1", behaviour="1.3")
@variants(
    "keys",
    [{"NoSuchKey": "1"}, {"MaxConnections": "0"}, {"ImmediateData": "Perhaps"}],
    ids=["unknown-key", "out-of-range", "wrong-form"],
)
def test_wrong_configuration_is_refused(bench: DriverBench, keys: dict[str, str]) -> None:
    """An unknown key or a value that a key cannot have gives -EINVAL; no node comes of it."""
    result = bench.add_target(f"{bench.name}.two", keys)
    assert result == EINVAL, f"result {result}"
    assert bench.module.chiscsi_target_remove(None, f"{bench.name}.two") == ENOTFOUND, "there is a node"


@driver_case("drv-node-04", guide="6.1.1", behaviour="1.3")
def test_target_of_an_unknown_class_is_refused(bench: DriverBench) -> None:
    """chiscsi_target_add returns -EINVAL when the class is not registered."""
    result = bench.add_target(f"{bench.name}.two", class_name="NOBODY")
    assert result == EINVAL, f"result {result}"


@driver_case("drv-node-05", guide="6.1.1", behaviour="1.3")
def test_name_of_a_target_is_taken_once(bench: DriverBench) -> None:
    """A second node with the name of the first gives -EINVAL; the first goes on."""
    result = bench.add_target(bench.name)
    assert result == EINVAL, f"result {result}"
    bench.session.nop()


@driver_case("drv-node-06", guide="6.1.2", behaviour="1.4")
@variants("name, code", [("", ENONAME), ("iqn.2026-11.org.example:nobody", ENOTFOUND)], ids=["none", "unknown"])
def test_removing_no_target_is_refused(bench: DriverBench, name: str, code: int) -> None:
    """chiscsi_target_remove returns -ENONAME without a name, -ENOTFOUND for one that no node has."""
    result = bench.module.chiscsi_target_remove(None, name)
    assert result == code, f"result {result}"


@driver_case("drv-node-07", guide="6.1.2", behaviour="1.4")
def test_removed_target_takes_leave_of_its_sessions(bench: DriverBench) -> None:
    """Removing a target announces the end to its sessions (event 2 or 3), and is over when they are gone."""
    session = bench.session
    assert bench.module.chiscsi_target_remove(None, bench.name) == 0
    bench.expect_hook("fp_session_removed")
    session.expect(expect.async_message({AsyncEvent.CONNECTION_DROP, AsyncEvent.SESSION_DROP}))
    session.expect(expect.connection_closed())


@driver_case("drv-node-08", guide="6.1.2", behaviour="1.4, 9.4")
def test_target_with_held_commands_is_removed(bench: DriverBench) -> None:
    """A driver that holds commands does not keep its target from being removed; it is told to give them up."""
    _, sc = bench.begin_read(4096)
    assert bench.module.chiscsi_target_remove(None, bench.name) == 0
    bench.expect_hook("fp_scsi_cmd_abort", sc)
    bench.expect_hook("fp_session_removed")
    bench.expect_no_hook("fp_scsi_cmd_cleanup")
    bench.abort_done(sc)
    bench.expect_end(sc)


@driver_case("drv-node-09", guide="6.1.2", behaviour="1.4")
def test_waiting_login_is_broken_off_by_the_removal(make_bench: Make) -> None:
    """A login that waits for the driver when its target is removed is broken off; the late answer is ignored."""
    bench = make_bench(target_hooks=["fp_first_login_check"])
    login = send_first(bench)
    call = bench.expect_hook("fp_first_login_check")
    assert bench.module.chiscsi_target_remove(None, bench.name) == 0
    login.connection.expect(expect.connection_closed(after=()))
    bench.answer_login(call)
    bench.expect_no_hook("fp_session_added")
