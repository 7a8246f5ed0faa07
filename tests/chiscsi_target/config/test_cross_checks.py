"""The table of checks: its keys are keys, and each check can fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.config.cross_checks import CHECKS, NODE_MAX_LUN_COUNT, Findings, _redirection_ends
from chiscsi_target.config.keys import TARGET_KEYS
from chiscsi_target.config.portal_group import parse_portal_group
from chiscsi_target.config.target_config import TargetConfig, parse_target
from chiscsi_target.config.target_device import TargetDevice
from chiscsi_target.core.access import AclEntry

RIGHT = [("TargetName", "iqn.2026-11.org.example:disk"), ("PortalGroup", "1@127.0.0.1:3260")]


def test_each_check_names_keys_that_there_are() -> None:
    for keys, _ in CHECKS:
        assert keys and set(keys) <= set(TARGET_KEYS)


def broken(**changes: object) -> TargetConfig:
    config = parse_target(RIGHT)
    for name, value in changes.items():
        setattr(config, name, value)
    return config


FAULTY = {
    "_named": broken(name=""),
    "_reachable": broken(portal_groups=[]),
    "_first_burst_fits": broken(keys={"FirstBurstLength": 2, "MaxBurstLength": 1}),
    "_redirected_to_exist": broken(portal_groups=[parse_portal_group("1@127.0.0.1,[2]")]),
    "_redirection_ends": broken(portal_groups=[parse_portal_group("1@127.0.0.1,[1]")]),
    "_redirection_knows_all": broken(
        portal_groups=[parse_portal_group(f"{tag}@127.0.0.1:{tag}{to}") for tag, to in ((1, ",[2]"), (2, ""), (3, ""))]
    ),
    "_acl_names_portals": broken(acl=[AclEntry(target_addresses=("127.0.0.2",))]),
    "_each_once": broken(devices=[TargetDevice("d", "MEM"), TargetDevice("d", "MEM,RO"), TargetDevice("d", "MEM")]),
    "_not_too_many": broken(devices=[TargetDevice(f"d{number}") for number in range(NODE_MAX_LUN_COUNT + 1)]),
}


@pytest.mark.parametrize("check", [check for _, check in CHECKS], ids=lambda check: str(check.__name__))
def test_each_check_passes_a_right_description_and_fails_its_wrong_one(
    check: Callable[[TargetConfig], Findings],
) -> None:
    assert list(check(parse_target(RIGHT))) == []
    ((key, number, error),) = check(FAULTY[check.__name__])
    assert key in TARGET_KEYS and number >= 0 and str(error)


@pytest.mark.parametrize(
    "redirects, circular",
    [
        ({1: (2,), 2: ()}, []),
        ({1: (2,), 2: (3,), 3: ()}, []),
        ({1: (2, 3), 2: (1,), 3: ()}, []),
        ({1: (2,), 2: (1,)}, [1, 2]),
        ({1: (2,), 2: (1,), 3: (4,), 4: ()}, [1, 2]),
        ({1: (2,), 2: (3,), 3: (2,)}, [1, 2, 3]),
        ({1: (1, 2), 2: ()}, []),
    ],
)
def test_who_is_redirected_in_circles(redirects: dict[int, tuple[int, ...]], circular: list[int]) -> None:
    groups = [
        parse_portal_group(f"{tag}@127.0.0.1:{tag}" + (f",[{','.join(map(str, to))}]" if to else ""))
        for tag, to in redirects.items()
    ]
    found = [groups[number].tag for _, number, _ in _redirection_ends(broken(portal_groups=groups))]
    assert found == circular
