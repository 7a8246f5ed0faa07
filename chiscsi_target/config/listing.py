"""Descriptions and global variables as text: for `iscsictl -c` and `-g`, and for a file (behaviour file, 6.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from chiscsi_target.config import portal_group, target_device
from chiscsi_target.config.config_file import MAX_LINE, ConfigFile, without_comment
from chiscsi_target.config.global_variables import DEFAULTS, VARIABLES, Variables
from chiscsi_target.config.keys import TARGET_KEYS, ConfigKey
from chiscsi_target.config.target_config import TargetConfig
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.errors import ConfigurationError

# What `-g` shows whatever it is, and what only if it is not as usual; the others are not shown.
_ALWAYS = (
    "iscsi_auth_order",
    "iscsi_acl_order",
    "iscsi_login_complete_time",
    "DISC_AuthMethod",
    "DISC_Auth_CHAP_Policy",
    "DISC_Auth_CHAP_Target",
    "DISC_Auth_CHAP_Initiator",
    "iscsi_chelsio_ini_idstr",
)
_IF_CHANGED = ("iscsi_target_vendor_id",)
# Keys that the module does not list: they are written where they are not as usual, so that nothing is lost.
_UNLISTED = frozenset(
    ("TargetClass", "OFMarker", "IFMarker", "OFMarkInt", "IFMarkInt", "TaskReporting", "iSCSIProtocolLevel")
)


def target_pairs(config: TargetConfig, *, secrets: bool = False, classes: Sequence[str] = ()) -> Pairs:
    """The pairs of a description, in the module's order.

    Args:
        config: the description.
        secrets: whether secrets are written in clear.
        classes: the LUN classes of its logical units, as far as they are known; TargetDevice lines then name them.

    Raises:
        ConfigurationError: something of it cannot be written as text.
    """
    pairs: Pairs = []
    for row in TARGET_KEYS.values():
        for number, value in enumerate(_listed(config, row)):
            if row.name == target_device.KEY and number < len(classes):
                pairs.append((row.name, target_device.show_target_device(value, classes[number])))
            else:
                pairs.append((row.name, row.format(value, secrets=secrets)))
    return pairs


def _listed(config: TargetConfig, row: ConfigKey) -> list[Any]:
    found = config.values(row)
    return [] if row.name in _UNLISTED and found == [row.default] else found


def variable_pairs(variables: Variables, *, secrets: bool = False) -> Pairs:
    """The pairs of global variables, in the module's order.

    Raises:
        ConfigurationError: something of them cannot be written as text.
    """
    return [
        (name, row.format(variables[name], secrets=secrets)) for name, row in VARIABLES.items() if name in variables
    ]


def shown_variables(values: Mapping[str, str]) -> Pairs:
    """The pairs that `iscsictl -g` shows.

    Args:
        values: the variables that are set, as text, secrets hidden.
    """
    usual = {name: VARIABLES[name].format(DEFAULTS[name]) for name in _IF_CHANGED}
    return [
        (name, values[name])
        for name in VARIABLES
        if name in values and (name in _ALWAYS or (name in _IF_CHANGED and values[name] != usual[name]))
    ]


def indented(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The lines of pairs as `iscsictl` prints them: a tabulator, then `key=value`."""
    return [f"\t{key}={value}" for key, value in pairs]


def show_target(pairs: Iterable[tuple[str, str]], key: str = "") -> list[str]:
    """The lines of `iscsictl -c target=NAME`: `target:`, then its pairs.

    Args:
        pairs: what `target_pairs` returned, without secrets.
        key: only this key, as with `-k`.

    Raises:
        ConfigurationError: there is no such key.
    """
    if key and key not in TARGET_KEYS:
        raise ConfigurationError(key, f"unrecognized key {key}.", complete=True)
    return ["target:", *indented(pair for pair in pairs if key in ("", pair[0]))]


def show_summary(name: str, number: int, logins: int, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The lines of a target in the short form of `iscsictl -c`: an empty one, its name, portal groups and units.

    Args:
        name: its name.
        number: its number (`id`).
        logins: how many connections are logging in to it.
        pairs: what `target_pairs` returned.
    """
    shown = [pair for pair in pairs if pair[0] in (portal_group.KEY, target_device.KEY)]
    return ["", f"TARGET: {name}, id={number}, login_ip={logins}", *indented(shown)]


def format_file(file: ConfigFile) -> str:
    """The text of a configuration file that says the same, secrets in clear (`iscsictl -W`).

    Raises:
        ConfigurationError: something of it cannot stand in a file, such as a name with a number sign.
    """
    lines = ["# Written by chiscsi: comments of an earlier file are gone."]
    if file.global_variables:
        lines += ["global:", *_file_lines(variable_pairs(file.global_variables, secrets=True))]
    for target in file.targets:
        lines += ["", "target:", *_file_lines(target_pairs(target, secrets=True))]
    return "\n".join(lines) + "\n"


def _file_lines(pairs: Pairs) -> Iterator[str]:
    """Yield the lines of these pairs; each is one that the reader of files takes for what it is."""
    for key, value in pairs:
        text = f"{key}={value}"
        if "\n" in value or value != value.strip() or len(text.encode()) > MAX_LINE or without_comment(text) != text:
            raise ConfigurationError(key, "has a value that cannot stand in a file, such as one with a number sign")
        yield f"\t{text}"


def write_file(file: ConfigFile, path: Path | str) -> None:
    """Write a configuration file, for its owner's eyes only: it has secrets in it.

    The file is replaced as a whole, or not at all.

    Raises:
        ConfigurationError: it cannot be written.
    """
    text = format_file(file)
    place = Path(path)
    try:
        draft = _draft(place.parent, text)
        try:
            draft.replace(place)
        except OSError:
            draft.unlink()
            raise
    except OSError as error:
        raise ConfigurationError(str(path), f"cannot be written: {error.strerror}") from error


def _draft(directory: Path, text: str) -> Path:
    """A new file with this text, which nobody else can have made or read; no file where that fails."""
    descriptor, name = mkstemp(prefix=".chiscsi-", dir=directory)
    try:
        with open(descriptor, "w", encoding="utf-8") as draft:
            draft.write(text)
    except OSError:
        Path(name).unlink()
        raise
    return Path(name)
