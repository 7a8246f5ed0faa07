"""`--driver PACKAGE.MODULE:NAME[,OPTION=VALUE...]`: finds and registers LUN classes and a target class of anybody's."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api.lun_class import chiscsi_target_lun_class, is_pass_through, missing_hooks, problem_of
from chiscsi_target.api.target_class import chiscsi_target_class
from conformance.harness.hanging import BrokenOff, coming_back, told

if TYPE_CHECKING:
    from chiscsi_target.target_module import TargetModule

CLASS_NAME: Final = "DRIVERS"
"""The target class of LUN classes that come without one."""

MAKING: Final = 30.0
"""Seconds after which a driver that is imported, or made, is taken for one that hangs."""

_TRIAL: Final = "iqn.2026-11.org.chiscsi:trial"
_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
_EXPECTED: Final = "expected a LUN class, a target class, or a function that makes one or several"
Made = chiscsi_target_lun_class | chiscsi_target_class


class DriverProblem(Exception):
    """A driver that cannot be used; the message says what and why, in one line."""


@dataclass(slots=True)
class Drivers:
    """What was asked for, ready to be registered.

    Attributes:
        target_class: the target class; one without hooks if none was given.
        lun_classes: the LUN classes, the default one first.
        devices: values of `TargetDevice` for classes whose units come from such lines.
    """

    target_class: chiscsi_target_class
    lun_classes: list[chiscsi_target_lun_class] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)

    def register(self, module: TargetModule) -> list[tuple[str, str]]:
        """Register all classes.

        Returns:
            What a target's configuration needs to use them, as pairs of key and value.

        Raises:
            DriverProblem: the Target Module refuses one.
        """
        name = self.target_class.class_name
        if module.chiscsi_target_class_register(self.target_class):
            raise DriverProblem(f"target class {name} cannot be registered: the name is taken")
        for lun_class in self.lun_classes:
            if module.chiscsi_target_lun_class_register(lun_class, name):
                raise DriverProblem(f"LUN class {lun_class.class_name} cannot be registered: the name is taken")
        return [("TargetClass", name), *(("TargetDevice", device) for device in self.devices)]

    def units(self) -> list[tuple[chiscsi_target_lun_class, str]]:
        """The LUN classes, each with the options of its `TargetDevice` lines, if its units come from such."""
        lines = {name: ",".join(rest) for _, name, *rest in (device.split(",") for device in self.devices)}
        return [(lun_class, lines.get(lun_class.class_name, "")) for lun_class in self.lun_classes]


def load_drivers(specifications: Sequence[str]) -> Drivers:
    """Make what `--driver` options ask for; each call makes it anew.

    Raises:
        DriverProblem: one of them is wrong.
    """
    target_classes: list[chiscsi_target_class] = []
    lun_classes: list[chiscsi_target_lun_class] = []
    devices: list[str] = []
    for specification in specifications:
        made, rest = _make(specification)
        for each in made:
            if isinstance(each, chiscsi_target_class):
                target_classes.append(each)
            else:
                _check_lun_class(specification, each)
                lun_classes.append(each)
                devices += _device(specification, each, len(devices), rest)
    if len(target_classes) > 1:
        raise DriverProblem("--driver: a target has one target class, and several were given")
    drivers = Drivers(target_classes[0] if target_classes else _plain_class(), lun_classes, devices)
    if not lun_classes:
        drivers.lun_classes, drivers.devices = _memory_disk()
    drivers.target_class.class_name = drivers.target_class.class_name or CLASS_NAME
    return drivers


def try_drivers(specifications: Sequence[str]) -> None:
    """Have a target take what `--driver` options ask for, with its units, and let it go again.

    Raises:
        DriverProblem: one of them is wrong, or a unit is refused.
    """
    from chiscsi_target.config.target_config import parse_target
    from chiscsi_target.errors import ConfigurationError
    from chiscsi_target.shells.memory import MemoryTarget
    from chiscsi_target.target_module import TargetModule

    module = TargetModule()
    MemoryTarget(module)
    pairs = load_drivers(specifications).register(module)
    target = parse_target([("TargetName", _TRIAL), ("PortalGroup", "1@127.0.0.1:3260"), *pairs])
    try:
        with coming_back("a hook for the driver's units", MAKING):
            module.add_target(target)
            module.remove_target(_TRIAL)
    except (ConfigurationError, BrokenOff) as error:
        raise DriverProblem(f"--driver {' '.join(specifications)}: {error}") from error


def _plain_class() -> chiscsi_target_class:
    plain = chiscsi_target_class()
    plain.class_name = CLASS_NAME
    return plain


def _memory_disk() -> tuple[list[chiscsi_target_lun_class], list[str]]:
    """A disk for a target class that comes without LUN class."""
    from chiscsi_target.drivers.memory import MemoryLunClass

    return [MemoryLunClass()], ["disk0,MEM,size=64M"]


def _device(specification: str, lun_class: chiscsi_target_lun_class, number: int, rest: dict[str, str]) -> list[str]:
    """The `TargetDevice` line of a class whose units come from such lines; a pass-through class has none."""
    options = dict(rest)
    if is_pass_through(lun_class):
        if options:
            raise DriverProblem(f"--driver {specification}: no option {', '.join(options)}")
        return []
    path = options.pop("path", f"disk{number}")
    words = [f"{name}={value}" if value else name for name, value in options.items()]
    return [",".join([path, lun_class.class_name, *words])]


def _check_lun_class(specification: str, lun_class: chiscsi_target_lun_class) -> None:
    try:
        problem = problem_of(lun_class)
    except Exception as error:
        problem = told(error)  # raised by its attributes, when they are looked at
    if problem:
        raise DriverProblem(f"--driver {specification}: {problem}")


def _check_hooks(specification: str, lun_class: chiscsi_target_lun_class | type[chiscsi_target_lun_class]) -> None:
    kind = lun_class if isinstance(lun_class, type) else type(lun_class)
    missing = missing_hooks(lun_class)  # type: ignore[arg-type]  # it looks at attributes only
    if missing:
        raise DriverProblem(f"--driver {specification}: {kind.__name__} lacks {', '.join(missing)} (guide 5.2.4)")


def _make(specification: str) -> tuple[list[Made], dict[str, str]]:
    """Make the classes of one option; returns them with the options that the maker has no parameter for."""
    place, *words = specification.split(",")
    options = {name.strip(): value.strip() for name, _, value in (word.partition("=") for word in words)}
    found = _find(specification, place)
    if isinstance(found, Made):
        return [found], options
    if not callable(found):
        raise DriverProblem(f"--driver {specification}: a {type(found).__name__} was found; {_EXPECTED}")
    if isinstance(found, type) and issubclass(found, chiscsi_target_lun_class):
        _check_hooks(specification, found)  # a class that is not finished may not even be made
    own, rest = _share(found, options)
    try:
        with coming_back(f"making {place}", MAKING):
            made = found(**own)
    except Exception as error:
        text = " ".join(told(error).split())
        raise DriverProblem(f"--driver {specification}: {text}") from error
    several = list(made) if isinstance(made, Iterable) else [made]
    for each in several:
        if not isinstance(each, Made):
            raise DriverProblem(f"--driver {specification}: it made a {type(each).__name__}; {_EXPECTED}")
    return several, rest


def _find(specification: str, place: str) -> object:
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise DriverProblem(f"--driver {specification}: expected PACKAGE.MODULE:NAME, such as my_disk:MyDisk")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # somebody's own module lies where they stand
    try:
        with coming_back(f"importing {module}", MAKING):
            return attrgetter(name)(importlib.import_module(module))
    except AttributeError as error:
        raise DriverProblem(f"--driver {specification}: module {module}: {error}") from error
    except Exception as error:
        text = " ".join(told(error).split())
        raise DriverProblem(f"--driver {specification}: cannot import {module}: {text}") from error


def _share(maker: Callable[..., Any], options: dict[str, str]) -> tuple[dict[str, object], dict[str, str]]:
    """Divide options into those that are parameters of `maker`, with their values as such, and the others."""
    try:
        known = set(inspect.signature(maker).parameters)
    except (TypeError, ValueError):
        known = set()
    own = {name: _value(value) for name, value in options.items() if name in known}
    return own, {name: value for name, value in options.items() if name not in known}


def _value(text: str) -> object:
    """The value of an option: a number, yes or no, or text."""
    if text.isascii() and text.isdigit():
        return int(text)
    return _WORDS.get(text.lower(), text)
