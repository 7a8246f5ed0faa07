"""Deviation profiles: strict about their form, and about what they explain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.harness.profiles import PROFILES, ProfileError, find_profile, load_profile

ENTRY = """
[[deviation]]
case = "cmdsn-window-01"
message = "NOP-In  came"
class = "bug"
reason = "answers beyond MaxCmdSN"
clause = "RFC 7143 section 4.2.2.1"
"""


def _profile(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_a_profile_finds_the_entry_of_a_case_and_of_its_variants(tmp_path: Path) -> None:
    profile = load_profile(_profile(tmp_path, f'target = "tgt"\n{ENTRY}'))
    (entry,) = profile.of("cmdsn-window-01")
    assert profile.of("cmdsn-window-01.wrapped") == (entry,)
    assert profile.of("cmdsn-window-02") == ()
    assert str(entry) == "bug: answers beyond MaxCmdSN (RFC 7143 section 4.2.2.1)"


def test_the_entry_of_a_variant_goes_before_that_of_its_case(tmp_path: Path) -> None:
    variant = ENTRY.replace("window-01", "window-01.wrapped").replace("bug", "disputed")
    profile = load_profile(_profile(tmp_path, f'target = "tgt"\n{ENTRY}{variant}'))
    assert [entry.class_ for entry in profile.of("cmdsn-window-01.wrapped")] == ["disputed"]
    assert [entry.class_ for entry in profile.of("cmdsn-window-01.other")] == ["bug"]


def test_a_message_explains_an_observation_that_contains_it_whatever_the_white_space(tmp_path: Path) -> None:
    (entry,) = load_profile(_profile(tmp_path, f'target = "tgt"\n{ENTRY}')).of("cmdsn-window-01")
    assert entry.explains("a NOP-In\n  came instead")
    assert not entry.explains("a Reject came")


def test_a_profile_may_only_name_cases_that_exist(tmp_path: Path) -> None:
    profile = load_profile(_profile(tmp_path, f'target = "tgt"\n{ENTRY}'))
    assert profile.unknown_cases(["cmdsn-window-01", "login-stage-01"]) == []
    assert profile.unknown_cases(["cmdsn-window-01.wrapped"]) == []
    assert profile.unknown_cases(["cmdsn-window-02"]) == ["cmdsn-window-01"]


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("target = ", "Invalid value"),
        (ENTRY, "missing required field `target`"),
        ('target = "tgt"\nnonsense = 1', "unknown field `nonsense`"),
        ('target = "tgt"\n' + ENTRY.replace('"bug"', '"feature"'), "deviation 1 (cmdsn-window-01): Invalid enum value"),
        ('target = "tgt"\n' + ENTRY.replace("reason", "raison"), "deviation 1 (cmdsn-window-01): Object"),
        ('target = "tgt"\n' + re.sub("(?m)^clause.*$", "", ENTRY), "missing required field `clause`"),
        ('target = "tgt"\n' + ENTRY.replace('"NOP-In  came"', '" "'), "message, reason and clause say something"),
        ('target = "tgt"\ndeviation = [1]', "deviation 1: Expected `object`"),
        ('target = "tgt"\ndeviation = 1', "Expected `array`"),
    ],
)
def test_a_profile_of_another_form_is_named_with_its_entry(tmp_path: Path, text: str, complaint: str) -> None:
    path = _profile(tmp_path, text)
    with pytest.raises(ProfileError) as raised:
        load_profile(path)
    assert str(raised.value).startswith(f"target profile {path}: ")
    assert complaint in str(raised.value)


def test_a_profile_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    path = _profile(tmp_path, 'target = "tgt"')
    assert find_profile("mine", tmp_path) == path
    assert find_profile(str(path)) == path
    with pytest.raises(ProfileError, match="no target profile is called 'yours'; there are: mine"):
        find_profile("yours", tmp_path)
    with pytest.raises(ProfileError, match="no such file"):
        find_profile("./yours.toml", tmp_path)


def test_shipped_profiles_can_be_read() -> None:
    assert all(load_profile(path).target for path in PROFILES.glob("*.toml"))


TOLERATED = """
[[tolerated]]
rule = "reserved"
class = "bug"
reason = "byte 37 is set"
clause = "RFC 7143 section 11.13"
"""


def test_a_profile_may_tolerate_a_rule_that_the_initiator_checks(tmp_path: Path) -> None:
    assert load_profile(_profile(tmp_path, f'target = "tgt"\n{TOLERATED}')).tolerated == {"reserved"}
    with pytest.raises(ProfileError, match="no rule is called 'reversed'; there are: "):
        load_profile(_profile(tmp_path, f'target = "tgt"\n{TOLERATED.replace("reserved", "reversed")}'))
