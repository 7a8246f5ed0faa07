"""Runs programs of sg3-utils and sdparm, which decode SCSI data that we made."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.peers import require_peer

__all__ = ["decode_inhex", "run_peer"]


def run_peer(program: str, *arguments: str, package: str = "sg3-utils") -> str:
    """What a decoding program prints; it must not complain."""
    path = require_peer(program, package=package)
    done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def decode_inhex(tmp_path: Path, data: bytes, program: str, *arguments: str, package: str = "sg3-utils") -> str:
    """What `program --inhex=FILE` says of response data."""
    saved = tmp_path / "response.hex"
    saved.write_text(data.hex(" ") + "\n")
    return run_peer(program, f"--inhex={saved}", *arguments, package=package)
