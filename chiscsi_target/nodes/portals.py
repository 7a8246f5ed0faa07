"""The portals of a target: which are listened on here, and which send logins on (behaviour file, 1.3 and 2.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chiscsi_target.config import portal_group
from chiscsi_target.core.agenda import ERROR
from chiscsi_target.core.redirection import Redirection
from chiscsi_target.errors import ConfigurationError

if TYPE_CHECKING:
    from chiscsi_target.config.portal_group import PortalGroup
    from chiscsi_target.config.target_config import TargetConfig
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.portal import Portal


class Shell(Protocol):
    """What a shell does for a Target Module.

    Attributes:
        listen: starts a portal; raises ConfigurationError if it cannot.
        unlisten: stops it, unless another target is there.
        wait_until: blocks until a condition holds, while the workers run.
    """

    listen: Callable[[Portal], None]
    unlisten: Callable[[Portal], None]
    wait_until: Callable[[Callable[[], bool]], None]


def redirects(config: TargetConfig) -> bool:
    """Whether any portal group sends logins on."""
    return any(group.redirect_to for group in config.portal_groups)


def all_elsewhere(config: TargetConfig) -> bool:
    """Whether all that is local sends logins on to another machine, so that there is nothing to be served here."""
    return config.shadow_mode and redirects(config)


def local_portals(config: TargetConfig) -> list[Portal]:
    """The portals that are on this machine: with ShadowMode, those of the groups that send logins on."""
    groups: Sequence[PortalGroup] = config.portal_groups
    if all_elsewhere(config):
        groups = [group for group in groups if group.redirect_to]
    return [portal for group in groups for portal in group.portals]


def redirection_of(config: TargetConfig) -> Redirection:
    """Where logins are sent on to; the description's tags have been checked."""
    addresses = {group.tag: [portal.address for portal in group.portals] for group in config.portal_groups}
    return Redirection(
        {
            group.tag: [address for tag in group.redirect_to for address in addresses[tag]]
            for group in config.portal_groups
            if group.redirect_to
        }
    )


def start(config: TargetConfig, portals: Sequence[Portal], shell: Shell, agenda: Agenda) -> list[Portal]:
    """Listen on portals.

    Returns:
        Those that could be started; the others are logged.

    Raises:
        ConfigurationError: none could.
    """
    started = _start_each(portals, shell, agenda)
    if not started:
        message = f"{config.name}: No valid portal started!"
        raise ConfigurationError(portal_group.KEY, message, complete=True)
    return started


def _start_each(portals: Sequence[Portal], shell: Shell, agenda: Agenda) -> list[Portal]:
    started = []
    for portal in portals:
        try:
            shell.listen(portal)
        except ConfigurationError as error:
            agenda.log(ERROR, error.message)
        else:
            started.append(portal)
    return started


@dataclass(slots=True)
class PortalChanges:
    """What a new description does to a target's portals.

    Attributes:
        portals: the portals from now on, in the order of the description; those that stay are the same objects.
        started: those that are new.
        removed: those that are no more.
        timeouts: the new time-outs of those that stay.
    """

    portals: list[Portal] = field(default_factory=list)
    started: list[Portal] = field(default_factory=list)
    removed: list[Portal] = field(default_factory=list)
    timeouts: list[tuple[Portal, int]] = field(default_factory=list)


def change(old: Sequence[Portal], config: TargetConfig, shell: Shell, agenda: Agenda) -> PortalChanges:
    """Listen on the portals that are new; those that go are listened on until the change is made.

    Raises:
        ConfigurationError: none of the new description's portals could be started.
    """
    changes = PortalChanges(removed=list(old))
    for portal in local_portals(config):
        same = next((mine for mine in changes.removed if _same(mine, portal)), None)
        if same is not None:
            changes.removed.remove(same)
            changes.timeouts.append((same, portal.timeout))
            portal.address.port = same.address.port
            changes.portals.append(same)
        elif _start_each([portal], shell, agenda):
            changes.started.append(portal)
            changes.portals.append(portal)
    if not changes.portals:
        message = f"{config.name}: No valid portal started!"
        raise ConfigurationError(portal_group.KEY, message, complete=True)
    return changes


def _same(mine: Portal, portal: Portal) -> bool:
    """Whether a portal of a new description is one that there is; port 0 is whatever port was found for it."""
    address = portal.address
    return mine.tag == portal.tag and mine.address.ip == address.ip and address.port in (0, mine.address.port)
