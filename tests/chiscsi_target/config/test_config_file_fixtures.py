"""The files of fixtures/configurations: good ones start and survive being written, broken ones say all their faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from chiscsi_target.config.config_file import ConfigFileError, load, parse_file
from chiscsi_target.config.global_variables import DEFAULTS, VARIABLES
from chiscsi_target.config.keys import TARGET_KEYS
from chiscsi_target.config.listing import format_file
from chiscsi_target.config.pairs import format_buffer, parse_buffer
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.target_module import TargetModule
from tests.tree import ROOT

FOLDER = ROOT / "fixtures" / "configurations"
GOOD = sorted((FOLDER / "good").glob("*.conf"))
BROKEN = sorted((FOLDER / "broken").glob("*.conf"))
MARK = "#> "


def name(path: Path) -> str:
    return path.stem


def test_there_are_some() -> None:
    assert len(GOOD) >= 6 and len(BROKEN) >= 6


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_a_good_file_starts_what_it_describes(path: Path) -> None:
    module = TargetModule()
    file = load(path)
    for config in file.targets:
        assert module.add_target(config).name == config.name
    assert list(module.directory.registry.nodes) == [config.name for config in file.targets]


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_a_good_file_survives_being_written(path: Path) -> None:
    file = load(path)
    assert parse_file(format_file(file).encode(), "again.conf") == file


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_a_buffer_of_the_same_pairs_gives_the_same_target(path: Path) -> None:
    file = load(path)
    for config in file.targets:
        assert parse_target(parse_buffer(format_buffer(file.sections[config.name].pairs))) == config


def test_one_file_sets_everything_to_something_unusual() -> None:
    file = load(FOLDER / "good" / "everything.conf")
    assert set(file.global_variables) == set(VARIABLES)
    usual = {key for key, value in file.global_variables.items() if value == DEFAULTS.get(key)}
    assert usual <= {"iscsi_auth_order", "iscsi_chelsio_ini_idstr", "DISC_AuthMethod", "iscsi_test_mode"}
    (section,) = file.sections.values()
    assert {key for key, _ in section.pairs} == set(TARGET_KEYS)


@pytest.mark.parametrize("path", BROKEN, ids=name)
def test_a_broken_file_says_all_that_is_wrong(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    with pytest.raises(ConfigFileError) as caught:
        load(path)
    assert [str(error).removeprefix(f"{path}, ") for error in caught.value.errors] == expected
    assert "secret-of" not in "".join(expected)
