"""Configuration files: sections of `key=value` lines (behaviour file, 6.1).

global:
iscsi_auth_order=ACL
target:
TargetName=iqn.2026-11.org.example:disk
PortalGroup=1@127.0.0.1:3260    # a comment
TargetDevice=disk,MEM,size=64MB
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chiscsi_target.config import portal_group
from chiscsi_target.config.global_variables import Variables, apply_variables, read_variable
from chiscsi_target.config.pairs import MAX_KEY
from chiscsi_target.config.portal_group import parse_portal_group
from chiscsi_target.config.target_config import TargetConfig, examine_target
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.core.registry import Globals
from chiscsi_target.errors import ConfigurationError

MAX_LINE: Final = 1024
"""Longest line in octets, without the end of the line."""

MAX_FILE: Final = 16 << 20
"""Longest file in octets; a longer one is a disk, or something else that was named by mistake."""

GLOBAL, TARGET, DEFAULT = "global", "target", "default"
_SECTIONS: Final = (GLOBAL, TARGET, DEFAULT)

# A number sign begins a comment, but not within the quotes of a CHAP pair.
_COMMENT: Final = re.compile(r"#.*", re.DOTALL)
_PAIR: Final = re.compile(r'([^=#"]*=\s*"[^"]*":".*?")\s*(?:#.*)?', re.DOTALL)
# What stands in quotes may be a secret.
_QUOTED: Final = re.compile(r'".*', re.DOTALL)


@dataclass(slots=True)
class Section:
    """A section of a file: its kind, the line that opens it, its pairs and their lines. Pairs may be secrets."""

    kind: str
    line: int
    pairs: Pairs = field(default_factory=list, repr=False)
    lines: list[int] = field(default_factory=list)

    def line_of(self, error: ConfigurationError) -> int:
        """The line that an error is about: its key's, among several that of the value which it names."""
        key, _, value = error.where.partition("=")
        lines = [(line, text) for (name, text), line in zip(self.pairs, self.lines, strict=True) if name == key]
        named = (line for line, text in lines if _names(value or error.message, key, text))
        return next(named, lines[0][0] if lines else self.line)


def _names(told: str, key: str, value: str) -> bool:
    """Whether an error that told of something means this value: a portal by its address, a unit by its path."""
    if key == portal_group.KEY:
        addresses = [re.escape(str(portal.address)) for portal in parse_portal_group(value).portals]
        return re.search(rf"(?:{'|'.join(addresses)})(?!\d)", told) is not None
    return told == value.partition(",")[0]


@dataclass(slots=True)
class ConfigFile:
    """What a file says.

    Attributes:
        global_variables: the global variables that it sets, typed, by name.
        targets: its targets, in order.
        name: the file's name.
        sections: where each target stands in it, by the target's name.
    """

    global_variables: Variables = field(default_factory=dict)
    targets: list[TargetConfig] = field(default_factory=list)
    name: str = field(default="", compare=False)
    sections: dict[str, Section] = field(default_factory=dict, compare=False, repr=False)

    def placed(self, target: str, error: ConfigurationError) -> ConfigurationError:
        """An error of somebody who was given one of these targets, with file and line.

        Args:
            target: the target's name.
            error: what is wrong with it.
        """
        section = self.sections.get(target)
        if section is None:
            return error
        where = f"{self.name}, line {section.line_of(error)}"
        return ConfigurationError(where, str(error), error.code)


class ConfigFileError(ConfigurationError):
    """A file that cannot be used. It is what its first fault is; `errors` has them all, in the order of their lines."""

    def __init__(self, errors: Iterable[ConfigurationError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.where, str(first), first.code, complete=True)


def load(path: Path | str) -> ConfigFile:
    """Read a file.

    Raises:
        ConfigFileError: it cannot be read, or something is wrong with it; each error begins with file and line.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigFileError([ConfigurationError(str(path), f"cannot be read: {reason}")]) from error
    if len(data) > MAX_FILE:
        raise ConfigFileError([ConfigurationError(str(path), f"is longer than {MAX_FILE} octets: no configuration")])
    return parse_file(data, str(path))


def parse_file(data: bytes, name: str) -> ConfigFile:
    """Read a file's contents.

    Args:
        data: the octets.
        name: the file's name, for messages.

    Raises:
        ConfigFileError: something is wrong with it.
    """
    reader = _Reader(name)
    for number, line in enumerate(data.removeprefix(BOM_UTF8).split(b"\n"), start=1):
        reader.take(number, line)
    return reader.conclude()


class _Reader:
    """A file being read: its sections, and what is wrong with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sections: list[Section] = []
        self.faults: list[tuple[int, ConfigurationError]] = []

    def take(self, number: int, line: bytes) -> None:
        """Take a line."""
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            self._fault(number, "is no UTF-8")
            return
        if len(line.strip()) > MAX_LINE:
            self._fault(number, f"{len(line.strip())} octets, and {MAX_LINE} are allowed")
            return
        text = without_comment(text)
        if text.endswith(":") and "=" not in text:
            self._open(number, text[:-1].strip().lower())
        elif text:
            self._add(number, text)

    def _open(self, number: int, kind: str) -> None:
        # The lines below a heading that means nothing mean nothing either: one error is enough.
        self.sections.append(Section(kind, number))
        if kind not in _SECTIONS:
            where = f"{self.name}, line {number}"
            self.faults.append((number, ConfigurationError(where, f"{where}, invalid format.", complete=True)))

    def _add(self, number: int, text: str) -> None:
        key, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not key or len(key) > MAX_KEY or "\0" in text:
            self._fault(number, f'"{_QUOTED.sub("...", text)}" invalid format!')
        elif not self.sections:
            self._fault(number, f"{key} stands before the first section: write global: or target: above it")
        else:
            self.sections[-1].pairs.append((key, value))
            self.sections[-1].lines.append(number)

    def _fault(self, number: int, message: str, code: int = 0) -> None:
        self.faults.append((number, ConfigurationError(f"{self.name}, line {number}", message, code)))

    def conclude(self) -> ConfigFile:
        """Make sense of the sections.

        Raises:
            ConfigFileError: something is wrong with them.
        """
        found = ConfigFile(name=self.name)
        for section in self.sections:
            if section.kind == GLOBAL:
                self._read_variables(section, found.global_variables)
            elif section.kind == TARGET:
                self._read_target(section, found)
        if self.faults:
            raise ConfigFileError(error for _, error in sorted(self.faults, key=lambda fault: fault[0]))
        return found

    def _read_variables(self, section: Section, variables: Variables) -> None:
        for (key, value), line in zip(section.pairs, section.lines, strict=True):
            try:
                if key in variables:
                    raise ConfigurationError(key, "is given more than once")
                variables[key] = read_variable(key, value)
            except ConfigurationError as error:
                self._fault(line, str(error), error.code)
        try:
            apply_variables(Globals(), variables)
        except ConfigurationError as error:
            keys = [key for key, _ in section.pairs]
            self._fault(section.lines[keys.index(error.where)] if error.where in keys else section.line, str(error))

    def _read_target(self, section: Section, found: ConfigFile) -> None:
        config, faults = examine_target(section.pairs)
        for fault in faults:
            line = section.line if fault.index is None else section.lines[fault.index]
            self._fault(line, str(fault.error), fault.error.code)
        if faults:
            return
        for key, attribute in (("TargetName", "name"), ("TargetAlias", "alias")):
            value = getattr(config, attribute)
            if value and any(getattr(other, attribute) == value for other in found.targets):
                keys = [key for key, _ in section.pairs]
                message = f"An target with {attribute} {value} already exists."
                self._fault(section.lines[keys.index(key)], message)
        found.targets.append(config)
        found.sections[config.name] = section


def without_comment(text: str) -> str:
    """A line without the comment at its end, and without the blanks before that."""
    pair = _PAIR.fullmatch(text)
    return pair[1] if pair is not None else _COMMENT.sub("", text).rstrip()
