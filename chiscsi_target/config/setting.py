"""What a target's keys and the global variables have in common: each is read from text, and written again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chiscsi_target.config.values import Form, Unsupported
from chiscsi_target.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of a table of settings.

    Attributes:
        name: the key or variable.
        form: what a value looks like, how it is read and written.
        attribute: the field that the value goes to.
        hide: writes a value without what is secret in it.
        note: what else there is to know, for the reference page.
    """

    name: str
    form: Form
    attribute: str
    hide: Callable[[Any], str] | None = None
    note: str = ""

    def parse(self, text: str) -> Any:
        """Read a value.

        Raises:
            ConfigurationError: it has another form, or is out of range.
        """
        try:
            return self.form.parse(text)
        except Unsupported as error:
            raise ConfigurationError(self.name, str(error), complete=True) from error
        except ValueError as error:
            raise ConfigurationError(self.name, str(error)) from error

    def format(self, value: Any, *, secrets: bool = True) -> str:
        """Write a value, so that `parse` gives it again; or without secrets, so that it can be shown.

        Raises:
            ConfigurationError: it cannot be written as text.
        """
        if self.hide is not None and not secrets:
            return self.hide(value)
        try:
            return self.form.format(value)
        except ValueError as error:
            raise ConfigurationError(self.name, str(error)) from error
