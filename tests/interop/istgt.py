"""A private istgt: own configuration, portals, pid file and backing files (Debian package `istgt`)."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from initiator_sim.chap import Account
from tests.interop.processes import (
    PeerFailed,
    RunningTarget,
    backing_file,
    listens,
    reserved_port,
    server,
    wait_until,
    work_directory,
)
from tests.peers import require_peer

__all__ = ["IQN", "running_istgt", "version"]

_NODE_BASE = "iqn.2026-11.test.chiscsi"
IQN = f"{_NODE_BASE}:istgt"

# The values of Debian's example file. This release refuses InitialR2T=No.
_DEFAULTS: Mapping[str, str] = {
    "Timeout": "30",
    "NopInInterval": "20",
    "DiscoveryAuthMethod": "None",
    "MaxSessions": "32",
    "MaxConnections": "4",
    "MaxR2T": "32",
    "MaxOutstandingR2T": "16",
    "DefaultTime2Wait": "2",
    "DefaultTime2Retain": "60",
    "FirstBurstLength": "262144",
    "MaxBurstLength": "1048576",
    "MaxRecvDataSegmentLength": "262144",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes",
    "ErrorRecoveryLevel": "0",
}


def version() -> str:
    """The version that istgt reports."""
    program = require_peer("istgt", package="istgt")
    said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).partition("\n")[0].removeprefix("istgt version ")


@contextlib.contextmanager
def running_istgt(
    *,
    lun_size: int = 64 << 20,
    luns: int = 1,
    settings: Mapping[str, str] | None = None,
    account: Account | None = None,
    directory: Path | None = None,
) -> Iterator[RunningTarget]:
    """Serve `luns` disks of `lun_size` bytes (a whole number of MiB) from an istgt that nobody else uses.

    `settings` go over the defaults of the configuration's Global section (`{"ImmediateData": "No"}`), `account`
    are CHAP names and secrets that it demands, `directory` is where the backing files go. Raises PeerFailed when istgt
    does not come up.
    """
    program = require_peer("istgt", package="istgt")
    with reserved_port() as port, reserved_port() as control_port, work_directory(directory) as home:
        files = tuple(backing_file(home, f"disk{index}", lun_size) for index in range(luns))
        (home / "auth.conf").write_text(_accounts(account), encoding="ascii")
        text = _global_section(home, {**_DEFAULTS, **(settings or {})}) + _sections(port, control_port, files, account)
        (home / "istgt.conf").write_text(text, encoding="ascii")
        command: list[str | Path] = [program, "-D", "-c", home / "istgt.conf", "-p", home / "istgt.pid"]
        with server(command, home / "istgt.log") as process:
            wait_until(lambda: _is_ready(process, port), "istgt's portal")
            yield RunningTarget("istgt", version(), "127.0.0.1", port, IQN, 0, files, process.pid)


def _is_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    if process.poll() is not None:
        raise PeerFailed(f"istgt ended with status {process.returncode}")
    return listens("127.0.0.1", port)


def _global_section(home: Path, settings: Mapping[str, str]) -> str:
    lines = [
        "[Global]",
        f'  NodeBase "{_NODE_BASE}"',
        f"  PidFile {home}/istgt.pid",
        f"  AuthFile {home}/auth.conf",
        '  LogFacility "local7"',
        *(f"  {name} {value}" for name, value in settings.items()),
    ]
    return "\n".join(lines) + "\n"


def _accounts(account: Account | None) -> str:
    if account is None:
        return ""
    words = [account.name, account.secret.decode()]
    if account.target_secret is not None:
        words += [account.target_name, account.target_secret.decode()]
    return "[AuthGroup1]\n  Auth " + " ".join(f'"{word}"' for word in words) + "\n"


def _sections(port: int, control_port: int, files: tuple[Path, ...], account: Account | None) -> str:
    method, group = ("CHAP", "AuthGroup1") if account else ("None", "None")
    disks = "\n".join(
        f"  LUN{number} Storage {file} {file.stat().st_size >> 20}MB" for number, file in enumerate(files)
    )
    return f"""
[UnitControl]
  AuthMethod None
  AuthGroup None
  Portal UC1 127.0.0.1:{control_port}
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 127.0.0.1:{port}
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.1/32
[LogicalUnit1]
  TargetName {IQN.rpartition(":")[2]}
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod {method}
  AuthGroup {group}
  UseDigest Auto
  UnitType Disk
{disks}
"""
