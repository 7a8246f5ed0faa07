"""What relates several keys of a target, as a table of (keys, check).

A check is made when the values of its keys are right by themselves. It yields for each fault the key, which of the
key's values it is about, counted from 0, and the error. What relates CHAP's keys, `ChapConfig` itself judges.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.config import acl, portal_group, target_device
from chiscsi_target.config.values import shown
from chiscsi_target.errors import ConfigurationError

if TYPE_CHECKING:
    from chiscsi_target.config.target_config import TargetConfig

Findings: TypeAlias = "Iterator[tuple[str, int, ConfigurationError]]"

NODE_MAX_LUN_COUNT: Final = 16_383
"""Most logical units of a target: what flat space addressing reaches (SAM-5, 4.7). The module's `node_max_lun_count` is
512 (behaviour file, 6.2)."""


def _named(config: TargetConfig) -> Findings:
    if not config.name:
        yield "TargetName", 0, ConfigurationError("TargetName", "is missing")


def _reachable(config: TargetConfig) -> Findings:
    if not config.portal_groups:
        message = f"{config.name or 'target'}: No valid portal started!"
        yield portal_group.KEY, 0, ConfigurationError(portal_group.KEY, message, complete=True)


def _first_burst_fits(config: TargetConfig) -> Findings:
    """RFC 7143, 13.14."""
    first, longest = config.keys["FirstBurstLength"], config.keys["MaxBurstLength"]
    if first > longest:
        error = ConfigurationError("FirstBurstLength", f"{first} exceeds MaxBurstLength, which is {longest}")
        yield "FirstBurstLength", 0, error


def _redirected_to_exist(config: TargetConfig) -> Findings:
    """Behaviour file, 2.5."""
    tags = {group.tag for group in config.portal_groups}
    for number, group in enumerate(config.portal_groups):
        for tag in group.redirect_to:
            if tag not in tags:
                message = f"redirect portalgroup {tag} not found."
                yield portal_group.KEY, number, ConfigurationError(portal_group.KEY, message, complete=True)


def _redirection_ends(config: TargetConfig) -> Findings:
    """Nobody is sent round in circles: from every group some way leads to one that serves."""
    ending: set[int] = set()
    for _ in config.portal_groups:  # no way is longer than there are groups
        ending |= {each.tag for each in config.portal_groups if not each.redirect_to or ending & {*each.redirect_to}}
    tags = {group.tag for group in config.portal_groups}
    for number, group in enumerate(config.portal_groups):
        if group.tag not in ending and tags >= {*group.redirect_to}:
            error = ConfigurationError(portal_group.KEY, f"{group.tag} redirects to no portal group that serves logins")
            yield portal_group.KEY, number, error


def _redirection_knows_all(config: TargetConfig) -> Findings:
    """Behaviour file, 2.5: where one group redirects, every group has to redirect, or to be redirected to."""
    targets = {tag for group in config.portal_groups for tag in group.redirect_to}
    if not targets:
        return
    for number, group in enumerate(config.portal_groups):
        if not group.redirect_to and group.tag not in targets:
            message = f"{group.portals[0].address} unknown to redirection."
            yield portal_group.KEY, number, ConfigurationError(portal_group.KEY, message, complete=True)


def _acl_names_portals(config: TargetConfig) -> Findings:
    """Behaviour file, 6.6; a portal at the unspecified address is at every one of its family."""
    addresses = [ipaddress.ip_address(portal.address.ip.partition("%")[0]) for portal in config.portals]
    here = {str(address) for address in addresses}
    families = {address.version for address in addresses if address.is_unspecified}
    for number, entry in enumerate(config.acl):
        for text in entry.target_addresses:
            if text not in here and ipaddress.ip_address(text).version not in families:
                yield acl.KEY, number, ConfigurationError(acl.KEY, f"ACL dip invalid: {text}", complete=True)


def _not_too_many(config: TargetConfig) -> Findings:
    count = len(config.devices)
    if count > NODE_MAX_LUN_COUNT:
        error = ConfigurationError(target_device.KEY, f"{count} logical units, and {NODE_MAX_LUN_COUNT} are allowed")
        yield target_device.KEY, NODE_MAX_LUN_COUNT, error


def _each_once(config: TargetConfig) -> Findings:
    seen: set[target_device.TargetDevice] = set()
    for number, device in enumerate(config.devices):
        if device in seen:
            reason = f"{shown(target_device.format_target_device(device))} is given twice"
            yield target_device.KEY, number, ConfigurationError(target_device.KEY, reason, ReturnCode.EDUP)
        seen.add(device)


CHECKS: Final[tuple[tuple[tuple[str, ...], Callable[[TargetConfig], Findings]], ...]] = (
    (("TargetName",), _named),
    ((portal_group.KEY,), _reachable),
    (("FirstBurstLength", "MaxBurstLength"), _first_burst_fits),
    ((portal_group.KEY,), _redirected_to_exist),
    ((portal_group.KEY,), _redirection_ends),
    ((portal_group.KEY,), _redirection_knows_all),
    ((portal_group.KEY, acl.KEY), _acl_names_portals),
    ((target_device.KEY,), _each_once),
    ((target_device.KEY,), _not_too_many),
)
