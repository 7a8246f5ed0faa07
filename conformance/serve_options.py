"""What the options of `chiscsi serve` ask for, as a description of a target; and errors in the words of the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chiscsi_target.config.portal_group import parse_address
from chiscsi_target.config.target_config import TargetConfig, parse_target
from chiscsi_target.config.target_device import TargetDevice
from chiscsi_target.core.chap_secrets import ChapConfig
from chiscsi_target.drivers.options import OPTION_NAMES
from chiscsi_target.errors import ConfigurationError
from conformance.credentials import AccountError, account_of

DEFAULT_PORTAL = "127.0.0.1:3260"
DEFAULT_IQN = "iqn.2026-11.org.chiscsi:disk"

# Generous, since whoever serves a disk wants speed; the initiator still decides what it takes.
_KEYS = {
    "InitialR2T": "No",
    "ImmediateData": "Yes",
    "FirstBurstLength": "262144",
    "MaxBurstLength": "1048576",
    "MaxRecvDataSegmentLength": "262144",
    "MaxOutstandingR2T": "4",
    "MaxConnections": "4",
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
}
_DISK_OPTIONS = ("--mem", "--file", "--null")


@dataclass(frozen=True, slots=True)
class Disk:
    """A logical unit asked for on the command line: `kind` is "mem" or "null" with a size, or "file" with a path.

    Options of a `TargetDevice` line may follow, such as `ro` or `block=4096`.
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `chiscsi serve` was asked for.

    Attributes:
        portals: ADDR:PORT each; port 0 means any free one, and no portal the usual one.
        iqn: the target's name.
        disks: its logical units, in order.
        drivers: LUN classes and target classes to use instead (`conformance.drivers`).
        quirks: where to do as release 3.14 of the module (`chiscsi_target.quirks`).
        config: a configuration file that says all this, and more; empty for none.
        user, target_user: CHAP names of who may log in, and of the target; secrets are in the environment.
        control: where to listen for `chiscsi ctl`; empty for nowhere.
        offload: which connections run over the emulated adapter (`chiscsi_target.offload`).
        traces: what is printed as it happens: "offload".
    """

    portals: Sequence[str] = ()
    iqn: str = DEFAULT_IQN
    disks: Sequence[Disk] = ()
    drivers: Sequence[str] = ()
    quirks: Sequence[str] = ()
    config: str = ""
    user: str = ""
    target_user: str = ""
    control: str = ""
    offload: str = "auto"
    traces: Sequence[str] = ()


def disks_in_order(arguments: Sequence[str]) -> list[Disk]:
    """The values of `--mem`, `--file` and `--null` in the order of their places, which numbers the logical units."""
    disks = []
    rest = iter(arguments)
    for argument in rest:
        name, separator, value = argument.partition("=")
        if name in _DISK_OPTIONS:
            disks.append(Disk(name[2:], value if separator else next(rest, "")))
    return disks


def describe(options: Options, classes: Sequence[tuple[str, str]] = ()) -> TargetConfig:
    """The target that the options describe.

    Args:
        options: what was asked for, without a configuration file.
        classes: pairs that name a driver's classes and its logical units.

    Raises:
        ConfigurationError: they describe none.
    """
    addresses = ",".join(str(parse_address(portal)) for portal in options.portals or [DEFAULT_PORTAL])
    pairs = [("TargetName", options.iqn), ("PortalGroup", f"1@{addresses}"), *_KEYS.items(), *classes]
    config = parse_target(pairs)
    _demand_chap(config, options)
    if classes:
        return config
    if not options.disks:
        raise ConfigurationError("--mem, --file, --null", "at least one disk has to be given, such as --mem 256M")
    config.devices = [_device(number, disk) for number, disk in enumerate(options.disks)]
    return config


def _demand_chap(config: TargetConfig, options: Options) -> None:
    """Have the target let nobody in but the user, if there is one; it proves itself to whoever asks for it."""
    try:
        account = account_of(options.user, options.target_user)
    except AccountError as error:
        raise ConfigurationError("CHAP", str(error)) from None
    if account is None:
        return
    target = None if account.target_secret is None else (account.target_name, account.target_secret)
    config.keys["AuthMethod"] = ("CHAP",)
    config.chap = ChapConfig(initiators={account.name: account.secret}, target=target)


def _device(number: int, disk: Disk) -> TargetDevice:
    value, options = _split(disk.value)
    if disk.kind == "file":
        return TargetDevice(value, ",".join(["FILE", *options]))
    return TargetDevice(f"{disk.kind}{number}", ",".join([disk.kind.upper(), f"size={value}", *options]))


def _split(value: str) -> tuple[str, list[str]]:
    """What stands before the options, and the options: a path may have commas, too."""
    options: list[str] = []
    while True:
        rest, comma, last = value.rpartition(",")
        name, separator, setting = last.partition("=")
        name = name.strip().upper()
        if not comma or name not in OPTION_NAMES:
            return value, options
        value, options = rest, [f"{name}{separator}{setting.strip()}", *options]


def in_words(error: ConfigurationError, options: Options) -> str:
    """The error as somebody sees it who gave options, not keys."""
    key, _, path = error.where.partition("=")
    option = {
        "PortalGroup": "--portal",
        "TargetName": "--iqn",
        "Auth_CHAP_Initiator": "--user",
        "Auth_CHAP_Target": "--target-user",
    }.get(key, "")
    if key == "TargetDevice":
        for number, disk in enumerate(options.disks):
            if path == _device(number, disk).path:
                option = f"--{disk.kind} {disk.value}"
    return f"{option}: {error.message}" if option else str(error)
