"""Other people's programs that tests talk to, and what becomes of a test when one is missing.

A test that needs tgt, libiscsi, QEMU, tshark or a browser asks for it by name before it does anything else:

    def test_reads_from_tgt() -> None:
        tgtd = require_peer("tgtd", package="tgt")

On a developer's machine the test is then skipped with the command that would install the program. Under
``CHISCSI_REQUIRE_PEERS=1``, as in continuous integration, it fails: a peer that silently disappeared would
otherwise look like success.
"""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["missing", "peers_are_required", "require_peer", "require_peer_file"]

# Daemons live where an ordinary user's PATH does not look.
_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def peers_are_required() -> bool:
    """Whether a missing peer is a failure here, rather than a reason to skip."""
    return os.environ.get("CHISCSI_REQUIRE_PEERS", "") not in ("", "0")


def missing(what: str, package: str) -> NoReturn:
    """Give up the running test because `what`, which Debian's `package` brings, is not there.

    Skips, or fails when peers are required; either way with the reason and the command that installs it.
    """
    __tracebackhide__ = True
    reason = f"{what} is not installed: run scripts/install-peers, or `apt-get install {package}`"
    if peers_are_required():
        pytest.fail(f"{reason} (CHISCSI_REQUIRE_PEERS is set)", pytrace=False)
    pytest.skip(reason)


def require_peer(program: str, *, package: str) -> Path:
    """The path of `program`, looked for on PATH and among the system's daemons.

    `package` is the Debian package to name when it is missing; see `missing` for what happens then.
    """
    __tracebackhide__ = True
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_DIRECTORIES])
    found = shutil.which(program, path=path)
    if found is None:
        missing(program, package)
    return Path(found)


def require_peer_file(pattern: str, *, package: str) -> Path:
    """The first file that matches the glob `pattern`, for peers that are a library or a plug-in.

    For example QEMU's iSCSI driver: "/usr/lib/*/qemu/block-iscsi.so", of qemu-block-extra.
    """
    __tracebackhide__ = True
    found = sorted(glob.glob(pattern))
    if not found:
        missing(pattern, package)
    return Path(found[0])
