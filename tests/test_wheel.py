"""What is delivered: the wheel's contents, and the wheel at work outside the checkout."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.tree import PACKAGES, ROOT, without_passes

pytestmark = pytest.mark.xdist_group("wheel")  # one worker builds it, once


def run(*command: str | Path, cwd: Path, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command as a stranger would: nothing of the checkout in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COV"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, "NO_COLOR": "1", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout by the build back-end, with no network."""
    dist = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist, cwd=ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Every file in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new venv, far from the checkout, with the wheel in it; only its dependencies are lent by ours."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    python = venv / "bin" / "python"
    made = run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    assert made.returncode == 0, made.stderr
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    done = run(sys.executable, "-m", "pip", "--python", python, *install, wheel, cwd=venv.parent)
    assert done.returncode == 0, done.stderr
    # What a .pth file adds is searched last, and .pth files in there (our editable install) are not read.
    (site,) = (venv / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return venv


def test_the_wheel_holds_our_packages_and_no_other_name(names: set[str]) -> None:
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_holds_every_file_of_the_packages(names: set[str]) -> None:
    """Templates, catalogues and profiles are delivered too, not only Python."""
    listed = run("git", "ls-files", "--", *PACKAGES, cwd=ROOT)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    tracked = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    assert tracked
    assert tracked - names == set()


def test_the_wheel_says_that_it_is_typed_and_under_which_licence(wheel: Path, names: set[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        fields = email.message_from_bytes(archive.read(metadata))
    assert fields["License-Expression"] == "GPL-2.0-or-later"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert fields["Requires-Python"] == ">=3.11"


@pytest.mark.slow
def test_the_installed_packages_are_not_the_checkout_s(installed: Path, tmp_path: Path) -> None:
    program = "import importlib, sys\nfor name in sys.argv[1:]: print(importlib.import_module(name).__file__)"
    found = run(installed / "bin" / "python", "-c", program, *PACKAGES, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert all(Path(line).is_relative_to(installed) for line in found.stdout.splitlines())
    assert len(found.stdout.splitlines()) == len(PACKAGES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("transport", "suites"), [("memory", ["login", "data_transfer", "driver_api"]), ("tcp", ["login", "data_transfer"])]
)
def test_the_installed_program_judges_the_embedded_target(
    installed: Path, tmp_path: Path, transport: str, suites: list[str]
) -> None:
    """Far from the checkout and its settings: the suites, the catalogue and the page's template come along."""
    chosen = [word for suite in suites for word in ("--suite", suite)]
    conform = run(installed / "bin" / "chiscsi", "conform", "--transport", transport, *chosen, cwd=tmp_path)
    assert conform.returncode == 0, without_passes(conform.stdout) + conform.stderr
    (page,) = tmp_path.glob("reports/out/*/index.html")
    results = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))
    assert {case["verdict"] for case in results["cases"]} <= {"pass", "non-strict", "unsupported"}
    assert (page.parent / "junit.xml").exists()
    assert str(ROOT) not in conform.stdout + conform.stderr


def test_the_installed_program_explains_itself(installed: Path, tmp_path: Path) -> None:
    shown = run(installed / "bin" / "chiscsi", "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert {"conform", "serve", "requirements"} <= set(shown.stdout.split())
