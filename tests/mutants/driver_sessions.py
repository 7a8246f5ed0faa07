"""Sessions, classes and nodes as their drivers learn of them (guide 5.1, 5.2 and 6.1)."""

from __future__ import annotations

import itertools
from typing import Any

from chiscsi_target.core.login import Login
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from chiscsi_target.engine import directory as directory_module
from chiscsi_target.engine.directory import Directory
from chiscsi_target.nodes import class_registry, target_nodes
from chiscsi_target.nodes.class_registry import ClassRegistry
from chiscsi_target.nodes.target_nodes import TargetNodes
from chiscsi_target.target_module import TargetModule
from chiscsi_target.tracing import TracedHooks
from tests.mutants.planting import Original, Plant, mutant


@mutant("guide, 7.3.2", "drv-session-01 drv-session-14")
def sessions_are_announced_twice(plant: Plant) -> None:
    """fp_session_added is called twice for a session."""

    def added(original: Original, directory: Directory, session: Session) -> None:
        original(directory, session)
        original(directory, session)

    plant.wrap(Directory, "_session_added", added)


@mutant("guide, 7.3.2", "drv-session-02 drv-session-03")
def drivers_session_value_is_lost(plant: Plant) -> None:
    """What fp_session_added returns does not come with commands and task management."""

    def added(original: Original, directory: Directory, session: Session) -> None:
        original(directory, session)
        session.tclass_priv = None

    plant.wrap(Directory, "_session_added", added)


@mutant("behaviour file, 1.7", "drv-session-04 drv-session-12")
def session_handle_changes(plant: Plant) -> None:
    """A session has another handle once it was announced."""

    def added(original: Original, directory: Directory, session: Session) -> None:
        original(directory, session)
        session.handle += 1000

    plant.wrap(Directory, "_session_added", added)


@mutant("behaviour file, 1.7", "drv-session-05")
def handles_are_used_again(plant: Plant) -> None:
    """A session gets a handle that an earlier one had."""
    plant.wrap(Registry, "next_handle", lambda original, registry: 1 + original(registry) % 4)


@mutant("behaviour file, 1.7", "drv-session-06")
def discovery_sessions_are_announced(plant: Plant) -> None:
    """fp_session_added is called for discovery sessions."""

    def concluded(original: Original, directory: Directory, login: Login) -> None:
        original(directory, login)
        if login.identity.discovery:
            for node in directory.registry.nodes.values():
                node.target_class.fp_session_added(0, b"", "", node.name)

    plant.wrap(Directory, "login_concluded", concluded)


@mutant("behaviour file, 1.7", "drv-session-07")
def further_connections_are_announced(plant: Plant) -> None:
    """fp_session_added is called for every connection."""

    def concluded(original: Original, directory: Directory, login: Login) -> None:
        original(directory, login)
        if not login.leading and login.session is not None and login.session.node is not None:
            login.session.node.target_class.fp_session_added(login.session.handle, b"", "", "")

    plant.wrap(Directory, "login_concluded", concluded)


@mutant(
    "guide, 7.3.3",
    "drv-session-08 drv-session-09 drv-session-13 drv-node-07 drv-tcp-05 drv-session-abort-13",
)
def end_of_sessions_is_not_announced(plant: Plant) -> None:
    """fp_session_removed is never called."""

    def removed(directory: Directory, session: Session) -> None:
        directory.login_worker.post(directory.registry.remove, session)

    plant.replace(Directory, "session_removed", removed)


@mutant("guide, 7.3.3", "drv-session-08")
def end_of_sessions_is_announced_twice(plant: Plant) -> None:
    """fp_session_removed is called twice."""

    def removed(original: Original, directory: Directory, session: Session) -> None:
        original(directory, session)
        original(directory, session)

    plant.wrap(Directory, "session_removed", removed)


@mutant("behaviour file, 1.7", "drv-session-10 drv-session-11")
def abort_of_no_session_succeeds(plant: Plant) -> None:
    """chiscsi_target_session_abort returns 0 for any handle."""

    def abort(original: Original, module: TargetModule, handle: int) -> int:
        original(module, handle)
        return 0

    plant.wrap(TargetModule, "chiscsi_target_session_abort", abort)


@mutant("behaviour file, 1.7", "drv-session-13")
def session_abort_acts_within_the_call(plant: Plant) -> None:
    """fp_session_removed is called inside chiscsi_target_session_abort."""

    def close(original: Original, directory: Directory, session: Session, *arguments: Any) -> None:
        directory.session_removed(session)
        original(directory, session, *arguments)

    plant.wrap(Directory, "close_session", close)


@mutant("guide, 5.1.5", "drv-session-14")
def raising_hooks_are_not_logged(plant: Plant) -> None:
    """A hook of a target class that raises leaves no line in the log."""
    plant.replace(directory_module, "log_raised", lambda *arguments: None)


@mutant("behaviour file, 2.4", "drv-session-15")
def successor_is_announced_first(plant: Plant) -> None:
    """The end of a reinstated session is announced when the new session has been."""
    late: list[Session] = []

    def removed(directory: Directory, session: Session) -> None:
        directory.login_worker.post(directory.registry.remove, session)
        late.append(session)

    def added(original: Original, directory: Directory, session: Session) -> None:
        original(directory, session)
        for gone in late:
            if gone.node is not None:
                gone.node.target_class.fp_session_removed(gone.handle, "", gone.node.name)
        late.clear()

    plant.replace(Directory, "session_removed", removed)
    plant.wrap(Directory, "_session_added", added)


@mutant("guide, 5.1.1", "drv-class-01")
def any_class_is_registered(plant: Plant) -> None:
    """Registering a class always succeeds."""

    def register(original: Original, classes: ClassRegistry, target_class: Any) -> int:
        original(classes, target_class)
        return 0

    plant.wrap(ClassRegistry, "register", register)


@mutant("behaviour file, 1.1", "drv-class-02")
def class_names_ignore_case(plant: Plant) -> None:
    """Two classes whose names differ in case only are taken for one."""

    def register(original: Original, classes: ClassRegistry, target_class: Any) -> int:
        known = {name.lower() for name in classes._target_classes}
        return -26 if target_class.class_name.lower() in known else original(classes, target_class)

    plant.wrap(ClassRegistry, "register", register)


@mutant("behaviour file, 1.1, 1.2", "drv-class-03 drv-lun-class-04")
def unknown_classes_are_deregistered(plant: Plant) -> None:
    """Deregistering what is not there succeeds."""

    def deregister(original: Original, classes: ClassRegistry, *names: str) -> int:
        result: int = original(classes, *names)
        return 0 if result == -26 else result

    plant.wrap(ClassRegistry, "deregister", deregister)
    plant.wrap(ClassRegistry, "deregister_lun_class", deregister)


@mutant("behaviour file, 1.1", "drv-class-04")
def classes_in_use_are_deregistered(plant: Plant) -> None:
    """A class can be deregistered while a node of it exists."""

    def deregister(original: Original, classes: ClassRegistry, name: str) -> int:
        result: int = original(classes, name)
        return 0 if result == -24 else result

    plant.wrap(ClassRegistry, "deregister", deregister)


@mutant("behaviour file, 1.1", "drv-class-05")
def lun_classes_outlive_their_class(plant: Plant) -> None:
    """The LUN classes of a deregistered class are there again when its name is registered anew."""
    kept: dict[str, Any] = {}

    def deregister(original: Original, classes: ClassRegistry, name: str) -> int:
        kept[name] = classes._lun_classes.get(name, {})
        return int(original(classes, name))

    def register(original: Original, classes: ClassRegistry, target_class: Any) -> int:
        result: int = original(classes, target_class)
        classes._lun_classes.get(target_class.class_name, {}).update(kept.get(target_class.class_name, {}))
        return result

    plant.wrap(ClassRegistry, "deregister", deregister)
    plant.wrap(ClassRegistry, "register", register)


@mutant("behaviour file, 1.2", "drv-lun-class-01")
def mandatory_hooks_are_not_demanded(plant: Plant) -> None:
    """A LUN class without mandatory hooks is registered."""
    plant.replace(class_registry, "missing_hooks", lambda lun_class: [])


@mutant("behaviour file, 1.2", "drv-lun-class-02")
def optional_hooks_are_called_in_vain(plant: Plant) -> None:
    """A LUN class without fp_scsi_cmd_cleanup has the lack logged as if its hook had raised."""

    def cleanup(original: Original, hooks: TracedHooks, sc: Any) -> None:
        if not sc.session.has_cleanup:
            sc.connection.agenda.log(0, "fp_scsi_cmd_cleanup raised: it is null")
        original(hooks, sc)

    plant.wrap(TracedHooks, "fp_scsi_cmd_cleanup", cleanup)


@mutant("behaviour file, 1.2", "drv-lun-class-03")
def any_lun_class_is_registered(plant: Plant) -> None:
    """Registering a LUN class always succeeds."""

    def register(original: Original, classes: ClassRegistry, *arguments: Any) -> int:
        original(classes, *arguments)
        return 0

    plant.wrap(ClassRegistry, "register_lun_class", register)


@mutant("behaviour file, 1.2", "drv-lun-class-05")
def busy_lun_classes_are_deregistered(plant: Plant) -> None:
    """A LUN class can be deregistered while commands of it are outstanding."""
    plant.replace(ClassRegistry, "_has_commands", lambda classes, lun_class: False)


@mutant("guide, 5.2.2.3", "drv-lun-class-06")
def command_queue_is_not_implied(plant: Plant) -> None:
    """A pass-through or multi-phase class does not get LUN_CLASS_HAS_CMD_QUEUE_BIT."""

    def register(original: Original, classes: ClassRegistry, lun_class: Any, parent: str) -> int:
        result: int = original(classes, lun_class, parent)
        if not result:
            classes._lun_classes[parent][lun_class.class_name].property = lun_class.property
        return result

    plant.wrap(ClassRegistry, "register_lun_class", register)


@mutant("behaviour file, 1.2", "drv-lun-class-07")
def newest_lun_class_gets_the_commands(plant: Plant) -> None:
    """The LUN class that was registered last is the default."""
    plant.wrap(
        ClassRegistry,
        "lun_classes",
        lambda original, classes, name: dict(reversed(list(original(classes, name).items()))),
    )


@mutant("behaviour file, 1.2", "drv-lun-class-09")
def registered_classes_are_not_copied(plant: Plant) -> None:
    """What a driver changes in its class after registering it has an effect."""
    plant.replace(class_registry, "copy_struct", lambda original, base: original)


@mutant("behaviour file, 2.3", "drv-lun-class-08")
def multi_phase_nodes_take_data_unasked(plant: Plant) -> None:
    """A node of a multi-phase class agrees to immediate and unsolicited data."""
    plant.replace(target_nodes, "_without_unsolicited_data", lambda own: own)


@mutant("guide, 6.1.1", "drv-early-07")
def nodes_configuration_of_data_is_ignored(plant: Plant) -> None:
    """A node agrees to immediate data although its configuration does not."""

    def settings(original: Original, config: Any, hooks: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(config, hooks)
        return {**found, "own": {**found["own"], "ImmediateData": True}}

    plant.wrap(target_nodes, "settings_of", settings)


@mutant("guide, 6.1.1", "drv-node-01 drv-node-02 drv-node-03 drv-node-04 drv-node-05")
def adding_a_target_never_fails(plant: Plant) -> None:
    """chiscsi_target_add returns 0 whatever became of it."""

    def add(original: Original, module: TargetModule, *arguments: Any) -> int:
        original(module, *arguments)
        return 0

    plant.wrap(TargetModule, "chiscsi_target_add", add)


@mutant("guide, 6.1.2", "drv-node-06")
def removing_no_target_succeeds(plant: Plant) -> None:
    """chiscsi_target_remove returns 0 for a target that is not there."""

    def remove(original: Original, module: TargetModule, *arguments: Any) -> int:
        original(module, *arguments)
        return 0

    plant.wrap(TargetModule, "chiscsi_target_remove", remove)


@mutant("behaviour file, 1.4", "drv-node-09")
def waiting_logins_outlive_their_target(plant: Plant) -> None:
    """A login that waits for its driver is not broken off when the target is removed."""
    plant.replace(TargetNodes, "close_logins", lambda nodes, node: None)


@mutant("behaviour file, 1.7", "drv-session-abort-10")
def end_of_one_session_ends_all(plant: Plant) -> None:
    """When a session ends, the other sessions of its node are closed."""

    def removed(original: Original, directory: Directory, session: Session) -> None:
        original(directory, session)
        for other in itertools.islice(directory.sessions_of(session.node), 8):
            if other is not session:
                directory.close_session(other)

    plant.wrap(Directory, "session_removed", removed)
