"""The quirk switches are those of the behaviour file, and off by default."""

from __future__ import annotations

from chiscsi_target.quirks import QUIRK_NAMES, RELEASE_3_14, Quirks


def test_all_are_off_by_default() -> None:
    assert not any(getattr(Quirks(), name) for name in QUIRK_NAMES)


def test_the_release_has_all_on() -> None:
    assert all(getattr(RELEASE_3_14, name) for name in QUIRK_NAMES)


def test_each_is_explained() -> None:
    assert all(f"{name}: " in (Quirks.__doc__ or "") for name in QUIRK_NAMES)
