"""Faults of access lists, LUN masks and redirection (behaviour file, 2.5 to 2.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.api.stack import Handle
from chiscsi_target.config import target_config
from chiscsi_target.core import access, admission, login
from chiscsi_target.core.access import UNRESTRICTED, AccessControl, AclEntry
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.core.lun import decode_lun
from chiscsi_target.core.lun_mask import FULL_RIGHTS, LunMask, mask_of
from chiscsi_target.core.redirection import Redirection
from chiscsi_target.core.session import Session
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.core.task_management import TaskManagement
from chiscsi_target.engine import directory, worker
from chiscsi_target.engine.directory import Directory
from chiscsi_target.engine.target_hooks import target_accessible
from chiscsi_target.errors import LoginMoved
from chiscsi_target.nodes import portals
from chiscsi_target.scsi import medium
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.sense import WRITE_PROTECTED
from tests.mutants.planting import Original, Plant, mutant

Ends = chiscsi_tcp_endpoints


# Access lists


@mutant("behaviour file, 2.6", "drv-acl-01 drv-acl-02 drv-acl-04 drv-acl-07 drv-acl-08")
def strangers_are_let_in(plant: Plant) -> None:
    """An access list is not looked at, even when it is enabled."""
    plant.replace(AccessControl, "entry_for", lambda *_: UNRESTRICTED)


@mutant("behaviour file, 2.6", "drv-acl-02")
def empty_list_lets_everybody_in(plant: Plant) -> None:
    """An enabled access list without entries is no list."""

    def find(original: Original, control: AccessControl, *who: Any) -> AclEntry | None:
        found: AclEntry | None = original(control, *who)
        return found if control.entries else UNRESTRICTED

    plant.wrap(AccessControl, "entry_for", find)


@mutant("behaviour file, 2.6", "drv-acl-03")
def lists_are_always_enabled(plant: Plant) -> None:
    """The entries of an access list decide though ACL_Enable is not Yes."""

    def mask(original: Original, node: TargetNode, initiator: str, ends: Ends) -> LunMask | None:
        entry = access.best_match(node.access.entries, initiator, ends)
        if node.access.entries and entry is None:
            return None
        result: LunMask | None = original(node, initiator, ends) if entry is None else mask_of(entry, None)
        return result

    plant.wrap(TargetNode, "mask_for", mask)


@mutant("behaviour file, 2.6", "drv-acl-04")
def one_criterion_is_enough(plant: Plant) -> None:
    """An entry matches when one of its criteria does."""

    def matched(entry: AclEntry, initiator: str, source: str, target: str) -> int | None:
        found = (initiator in entry.initiators, source in entry.source_addresses, target in entry.target_addresses)
        return sum(found) or None

    plant.replace(AclEntry, "matched", matched)


@mutant("behaviour file, 2.6", "drv-acl-05.last")
def first_entry_that_matches_decides(plant: Plant) -> None:
    """The first entry that matches counts, though a later one has more criteria."""

    def find(original: Original, entries: Sequence[AclEntry], *who: Any) -> AclEntry | None:
        return next((entry for entry in entries if original([entry], *who)), None)

    plant.wrap(access, "best_match", find)


@mutant("behaviour file, 2.6", "drv-acl-05.first drv-acl-06")
def last_entry_that_matches_decides(plant: Plant) -> None:
    """The last entry that matches counts."""

    def find(original: Original, entries: Sequence[AclEntry], *who: Any) -> AclEntry | None:
        return next((entry for entry in reversed(entries) if original([entry], *who)), None)

    plant.wrap(access, "best_match", find)


@mutant("behaviour file, 2.1", "drv-acl-07.CHAP")
def list_is_looked_at_first_in_any_case(plant: Plant) -> None:
    """iscsi_auth_order=CHAP is ignored: the driver is not asked about initiators without access."""

    def admit(original: Original, connection: Connection, identity: LoginIdentity, registry: Any) -> None:
        if not identity.discovery:
            admission.check_access(connection, identity)
        original(connection, identity, registry)

    plant.wrap(login, "admit", admit)


@mutant("behaviour file, 2.1", "drv-acl-07.ACL")
def list_is_looked_at_last_in_any_case(plant: Plant) -> None:
    """iscsi_auth_order=ACL is ignored: hooks are called for initiators without access."""
    plant.replace(admission, "ACL_FIRST", "never")


@mutant("behaviour file, 2.7", "drv-acl-08")
def discovery_ignores_the_list(plant: Plant) -> None:
    """Discovery shows targets to initiators that may not log in to them."""

    def visible(directory: Directory, connection: Connection, name: str | None = None) -> list[TargetNode]:
        return [node for node in directory.registry.nodes.values() if name in (None, node.name)]

    plant.replace(Directory, "visible_nodes", visible)


@mutant("behaviour file, 2.7", "drv-acl-09")
def hook_is_asked_about_targets_that_are_named(plant: Plant) -> None:
    """fp_discovery_target_accessible may hide a target that an initiator asks for by name."""

    def visible(original: Original, directory: Directory, connection: Connection, name: Any = None) -> list[TargetNode]:
        assert connection.session is not None
        who = connection.session.identity.initiator_name
        nodes: list[TargetNode] = original(directory, connection, name)
        return [node for node in nodes if name is None or target_accessible(connection, node, who)]

    plant.wrap(Directory, "visible_nodes", visible)


@mutant("guide 5.1.6", "drv-acl-10")
def discovery_hook_is_not_told_the_connection(plant: Plant) -> None:
    """fp_discovery_target_accessible is given 0 as the connection's handle."""

    def accessible(original: Original, connection: Connection, node: TargetNode, initiator: str) -> bool:
        handle, connection.handle = connection.handle, Handle(0)
        try:
            return bool(original(connection, node, initiator))
        finally:
            connection.handle = handle

    plant.wrap(directory, "target_accessible", accessible)


# Masks


@mutant("behaviour file, 2.6", "drv-masking-01 drv-masking-02 drv-masking-04 drv-masking-05")
def units_keep_their_numbers(plant: Plant) -> None:
    """A session with a list of visible units goes by the target's numbers, and reaches the others too."""
    plant.replace(LunMask, "decode", lambda mask, field: decode_lun(field))


@mutant("behaviour file, 2.6", "drv-masking-02 drv-masking-03.R")
def all_rights_are_told(plant: Plant) -> None:
    """SC_FLAG_LUN_ACL_R and SC_FLAG_LUN_ACL_W are set whatever the list grants."""
    plant.replace(LunMask, "rights", lambda mask, lun: FULL_RIGHTS)


@mutant("behaviour file, 3.1", "drv-masking-03.RW drv-masking-03.W drv-acl-03 drv-acl-05")
def rights_are_not_told(plant: Plant) -> None:
    """SC_FLAG_LUN_ACL_R and SC_FLAG_LUN_ACL_W are not set for sessions that have all rights."""

    def set_mask(original: Original, session: Session, mask: LunMask) -> None:
        original(session, mask)
        session.lun_flags &= ~FULL_RIGHTS

    plant.wrap(Session, "set_mask", set_mask)


@mutant("behaviour file, 2.6", "drv-masking-04")
def task_management_ignores_the_mask(plant: Plant) -> None:
    """Task management goes by the target's numbers where commands go by the session's."""

    def make(original: Original, request: TaskManagement, connection: Connection, session: Session, pdu: Any) -> None:
        original(request, connection, session, pdu)
        request.lun = decode_lun(pdu.lun)

    plant.wrap(TaskManagement, "__init__", make)


@mutant("behaviour file, 8.2", "drv-masking-05")
def all_units_are_listed(plant: Plant) -> None:
    """REPORT LUNS lists units that the session does not see."""
    plant.wrap(
        DeviceServer, "restrict", lambda original, server, handle, visible, may: original(server, handle, None, may)
    )


@mutant("behaviour file, 2.6", "drv-masking-06 drv-masking-07")
def everybody_may_write(plant: Plant) -> None:
    """Built-in units are written by sessions without the right to it."""

    def restrict(original: Original, server: DeviceServer, handle: int, visible: Any, may_write: Any) -> None:
        original(server, handle, visible, lambda lun: True)

    plant.wrap(DeviceServer, "restrict", restrict)


@mutant("behaviour file, 2.6", "drv-masking-06")
def refused_writes_have_the_standards_sense(plant: Plant) -> None:
    """A write without the right to it ends with 07/27/00, not with the module's 03/03/00."""
    plant.replace(medium, "PERIPHERAL_DEVICE_WRITE_FAULT", WRITE_PROTECTED)


@mutant("behaviour file, 8.3", "drv-masking-07")
def mode_sense_ignores_the_rights(plant: Plant) -> None:
    """The write-protect bit of MODE SENSE is the same for all sessions."""
    plant.replace(LogicalUnit, "write_protected", lambda unit, session: unit.lu.read_only)


# Redirection


@mutant("guide, 5.1.7", "drv-redirect-01 drv-redirect-02 drv-redirect-03 drv-redirect-04 drv-redirect-05")
def portals_do_not_redirect(plant: Plant) -> None:
    """A portal group with a redirection list serves its logins itself."""
    plant.replace(Redirection, "redirects", lambda redirection, tag: False)


@mutant("guide, 5.1.7", "drv-redirect-01 drv-redirect-02 drv-redirect-04")
def driver_is_not_asked_for_the_portal(plant: Plant) -> None:
    """Logins to a driver's target go to the configured portals, whatever its hook says."""

    def select(connection: Connection, identity: LoginIdentity) -> tcp_endpoint:
        assert identity.node is not None
        return identity.node.redirection.next(identity.portal.tag)

    plant.replace(worker, "select_redirection_portal", select)


@mutant("13.8", "drv-redirect-02")
def ipv6_addresses_have_no_brackets(plant: Plant) -> None:
    """TargetAddress has an IPv6 address without brackets."""

    def make(original: Original, moved: LoginMoved, status: int, address: str, clause: str) -> None:
        original(moved, status, address.replace("[", "").replace("]", ""), clause)

    plant.wrap(LoginMoved, "__init__", make)


@mutant("behaviour file, 2.5", "drv-redirect-05")
def first_portal_gets_all_logins(plant: Plant) -> None:
    """Portals do not take turns."""
    chosen: dict[tuple[int, int], tcp_endpoint] = {}

    def take(original: Original, redirection: Redirection, tag: int) -> tcp_endpoint:
        key = (id(redirection), tag)
        if key not in chosen:
            chosen[key] = original(redirection, tag)
        return chosen[key]

    plant.wrap(Redirection, "next", take)


@mutant("behaviour file, 2.5", "drv-redirect-06")
def all_portals_are_shown(plant: Plant) -> None:
    """SendTargets names the portals that are redirected to."""

    def shown(redirection: Redirection, tags: Iterable[int]) -> set[int]:
        return set(tags)

    plant.replace(Redirection, "shown", shown)


@mutant("behaviour file, 2.5", "drv-redirect-07")
def redirection_is_not_checked(plant: Plant) -> None:
    """A target is added though its redirection leads nowhere."""
    plant.replace(target_config, "CHECKS", ())
    plant.replace(portals, "redirection_of", lambda config: Redirection({}))


@mutant("guide, 5.1.7", "drv-redirect-08")
def shadows_listen_everywhere(plant: Plant) -> None:
    """ShadowMode is ignored: the portals of the other machine are listened on."""
    plant.replace(portals, "all_elsewhere", lambda config: False)
