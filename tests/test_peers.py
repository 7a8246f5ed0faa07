"""What becomes of a test whose peer is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.outcomes import Failed, Skipped

from tests.peers import require_peer, require_peer_file


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that holds nothing but one program, `here`."""
    program = tmp_path / "here"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHISCSI_REQUIRE_PEERS", raising=False)
    return tmp_path


def test_a_peer_that_is_there_is_found(bin_directory: Path) -> None:
    assert require_peer("here", package="some") == bin_directory / "here"
    assert require_peer_file(f"{bin_directory}/h*", package="some") == bin_directory / "here"


def test_a_missing_peer_skips_with_the_command_that_installs_it(bin_directory: Path) -> None:
    with pytest.raises(Skipped, match=r"not-here is not installed.*apt-get install some-package"):
        require_peer("not-here", package="some-package")
    with pytest.raises(Skipped, match="apt-get install some-package"):
        require_peer_file(f"{bin_directory}/*.so", package="some-package")


@pytest.mark.parametrize(("value", "outcome"), [("1", Failed), ("0", Skipped), ("", Skipped)])
def test_a_required_peer_that_is_missing_fails(
    bin_directory: Path, monkeypatch: pytest.MonkeyPatch, value: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CHISCSI_REQUIRE_PEERS", value)
    with pytest.raises(outcome):
        require_peer("not-here", package="some-package")
