"""The quirk switches are those of the behaviour file, and off by default."""

from __future__ import annotations

import pytest

from chiscsi_target.errors import ConfigurationError
from chiscsi_target.quirks import EVERYTHING, QUIRK_NAMES, RELEASE_3_14, Quirks, named


def test_all_are_off_by_default() -> None:
    assert not any(getattr(Quirks(), name) for name in QUIRK_NAMES)


def test_the_release_has_all_on() -> None:
    assert all(getattr(RELEASE_3_14, name) for name in QUIRK_NAMES)


def test_each_is_explained() -> None:
    assert all(f"{name}: " in (Quirks.__doc__ or "") for name in QUIRK_NAMES)


def test_by_name() -> None:
    assert named([]) == Quirks()
    assert named(["cid_is_tid", "reuse_tsih"]) == Quirks(cid_is_tid=True, reuse_tsih=True)
    assert named(["cid_is_tid", EVERYTHING]) == RELEASE_3_14


def test_a_name_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"quirk: nonsense is none of: .*name_from_buffer"):
        named(["reuse_tsih", "nonsense"])
