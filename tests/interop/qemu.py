"""QEMU's image tools with its iSCSI driver as an initiator (Debian packages `qemu-utils`, `qemu-block-extra`)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from tests.interop.processes import PeerFailed
from tests.peers import require_peer, require_peer_file

__all__ = ["image", "qemu_img", "qemu_io"]


def image(url: str, **options: str) -> str:
    """A LUN as an image that `qemu_img` takes in place of a file name, with options of QEMU's iSCSI driver.

    For example `image(url, header_digest="crc32c")`. `url` is `iscsi://HOST:PORT/IQN/LUN`.
    """
    parts = urlsplit(url)
    iqn, _, lun = parts.path.removeprefix("/").rpartition("/")
    driver = {"driver": "iscsi", "transport": "tcp", "portal": parts.netloc, "target": iqn, "lun": int(lun)}
    driver |= {name.replace("_", "-"): value for name, value in options.items()}
    return "json:" + json.dumps({"driver": "raw", "file": driver})


def qemu_img(*arguments: str | Path, timeout: float = 60) -> str:
    """Run `qemu-img` to its end, at most `timeout` seconds; returns its output. PeerFailed when it fails."""
    return _run("qemu-img", *arguments, timeout=timeout)


def qemu_io(image: str, *commands: str, timeout: float = 60) -> str:
    """Run `qemu-io` with its `commands`, such as `read -P 0 0 4k`; as `qemu_img`, and a failed command is a failure."""
    return _run("qemu-io", *(word for command in commands for word in ("-c", command)), image, timeout=timeout)


def _run(name: str, *arguments: str | Path, timeout: float) -> str:
    program = require_peer(name, package="qemu-utils")
    require_peer_file("/usr/lib/*/qemu/block-iscsi.so", package="qemu-block-extra")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0 or "Pattern verification failed" in done.stdout:
        raise PeerFailed(f"{name} {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
