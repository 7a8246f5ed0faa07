"""Copies of the structures that a driver registers (behaviour file, 1.1 and 1.2).

The stack goes by what a class was when it was registered: its name, its properties and its hooks. What the driver
assigns to the structure afterwards has no effect. The hooks stay bound to the driver's own object, whose state is its
own affair.
"""

from __future__ import annotations

from typing import TypeVar

Struct = TypeVar("Struct")

_PLAIN_FIELDS = ("class_name", "property", "address_space")
_HOOK_PREFIX = "fp_"


def copy_struct(original: Struct, base: type[Struct]) -> Struct:
    """A structure of type `base` with the fields and hooks that `original` has now."""
    copy = base()
    take_over(copy, original, base)
    return copy


def take_over(copy: Struct, original: Struct, base: type[Struct]) -> None:
    """Give a structure the fields and hooks of another; hooks that the type of `copy` overrides stay.

    A hook that is None is left out, as a null pointer of the guide's structures is.
    """
    for name in vars(base):
        own = getattr(type(copy), name) is not getattr(base, name)
        if name in _PLAIN_FIELDS or (name.startswith(_HOOK_PREFIX) and not own):
            value = getattr(original, name)
            if value is not None or name in _PLAIN_FIELDS:
                setattr(copy, name, value)


def is_set(struct: object, base: type, hook: str) -> bool:
    """Whether a structure has a hook, by a method of its class or a function that was assigned to it."""
    function = getattr(struct, hook)
    return function is not None and getattr(function, "__func__", function) is not getattr(base, hook)
