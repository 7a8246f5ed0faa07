"""A private tgtd: own portal, own control socket, own backing files (Debian package `tgt`)."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from initiator_sim.chap import Account
from tests.interop.processes import (
    PeerFailed,
    RunningTarget,
    backing_file,
    require_root,
    reserved_port,
    server,
    wait_until,
    work_directory,
)
from tests.peers import require_peer

__all__ = ["IQN", "running_tgt", "version"]

IQN = "iqn.2026-11.test.chiscsi:tgt"
_FIRST_LUN = 1  # LUN 0 is tgt's own controller
_Ask = Callable[[list[str]], str]


def version() -> str:
    """The version that tgtd reports."""
    return _output([str(require_peer("tgtd", package="tgt")), "--version"], {}).strip()


@contextlib.contextmanager
def running_tgt(
    *,
    lun_size: int = 64 << 20,
    luns: int = 1,
    settings: Mapping[str, str] | None = None,
    portal_options: str = "",
    account: Account | None = None,
    directory: Path | None = None,
) -> Iterator[RunningTarget]:
    """Serve `luns` disks of `lun_size` bytes from a tgtd that nobody else uses.

    `settings` are target parameters by RFC name (`{"HeaderDigest": "CRC32C"}`), `portal_options` more of tgtd's
    `--iscsi` options (`"nop_interval=1,nop_count=3"`), `account` are CHAP names and secrets that it demands,
    `directory` is where the backing files go. Raises PeerFailed when tgtd does not come up.
    """
    tgtd, tgtadm = (str(require_peer(program, package="tgt")) for program in ("tgtd", "tgtadm"))
    require_root("tgtd takes orders from root alone")
    with reserved_port() as port, work_directory(directory) as home:
        options = ",".join(filter(None, [f"portal=127.0.0.1:{port}", portal_options]))
        command = [tgtd, "-f", "--iscsi", options]
        admin = [tgtadm, "--lld", "iscsi"]
        files = tuple(backing_file(home, f"disk{index}", lun_size) for index in range(luns))
        control = {"TGT_IPC_SOCKET": str(home / "control")}
        with server(command, home / "tgtd.log", control) as process:
            ask = partial(_output, environment=control)
            wait_until(lambda: _answers(process, admin, control), "tgtd's control socket")
            _configure(ask, admin, files, settings or {})
            _demand_chap(ask, admin, account)
            _confirm_portal(ask, admin, port)
            yield RunningTarget("tgt", version(), "127.0.0.1", port, IQN, _FIRST_LUN, files, process.pid)


def _configure(ask: _Ask, admin: list[str], files: tuple[Path, ...], settings: Mapping[str, str]) -> None:
    target = [*admin, "--tid", "1"]
    ask([*target, "--mode", "target", "--op", "new", "-T", IQN])
    for number, file in enumerate(files, start=_FIRST_LUN):
        ask([*target, "--mode", "logicalunit", "--op", "new", "--lun", str(number), "-b", str(file)])
    for name, value in settings.items():
        ask([*target, "--mode", "target", "--op", "update", "--name", name, "--value", value])
    ask([*target, "--mode", "target", "--op", "bind", "-I", "ALL"])


def _demand_chap(ask: _Ask, admin: list[str], account: Account | None) -> None:
    if account is None:
        return
    pairs: list[tuple[str, bytes, list[str]]] = [(account.name, account.secret, [])]
    if account.target_secret is not None:
        pairs.append((account.target_name, account.target_secret, ["--outgoing"]))
    for name, secret, way in pairs:
        mode = [*admin, "--mode", "account"]
        ask([*mode, "--op", "new", "--user", name, "--password", secret.decode()])
        ask([*mode, "--op", "bind", "--tid", "1", "--user", name, *way])


def _confirm_portal(ask: _Ask, admin: list[str], port: int) -> None:
    """Ask which portals there are: tgtd carries on without one that it could not bind."""
    if f"127.0.0.1:{port}" not in ask([*admin, "--mode", "portal", "--op", "show"]):
        raise PeerFailed(f"tgtd could not bind port {port}")


def _answers(process: subprocess.Popen[bytes], admin: list[str], environment: Mapping[str, str]) -> bool:
    if process.poll() is not None:
        raise PeerFailed(f"tgtd ended with status {process.returncode}")
    show = [*admin, "--mode", "target", "--op", "show"]
    return subprocess.run(show, env=os.environ | environment, capture_output=True, check=False).returncode == 0


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerFailed(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
