"""Writes the tables of docs/reference/configuration.md from those of keys and variables.

    python -m chiscsi_target.config.reference

A page that differs from what the tables give now is a red test.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from chiscsi_target.config.global_variables import DEFAULTS, VARIABLES, Variable
from chiscsi_target.config.keys import TARGET_KEYS, ConfigKey, Part

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "configuration.md"

_TABLE: Final = re.compile(r"(<!-- (variables|keys) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(text: str) -> str:
    """The text of the page with the tables as they are now."""
    return _TABLE.sub(lambda found: f"{found[1]}{_TABLES[found[2]]()}{found[3]}", text)


def _variables() -> str:
    return _table(("variable", "value", "default", "effect"), map(_variable, VARIABLES.values()))


def _keys() -> str:
    return _table(("key", "value", "default", "several", "remarks"), map(_key, TARGET_KEYS.values()))


_TABLES: Final = {"variables": _variables, "keys": _keys}


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (heading, ["---"] * len(heading), *rows))


def _variable(row: Variable) -> list[str]:
    default = row.format(DEFAULTS[row.name]) if row.name in DEFAULTS else ""
    return [f"`{row.name}`", row.form.words, default, row.note or "of discovery sessions, as for a target"]


def _key(row: ConfigKey) -> list[str]:
    default = "" if row.multiple or row.default in (None, "") else row.format(row.default)
    note = row.note or ("negotiated" if row.part is Part.NEGOTIATED else "")
    return [f"`{row.name}`", row.form.words, default, "yes" if row.multiple else "", note]


def main() -> int:
    """Write the tables anew."""
    PATH.write_text(renewed(PATH.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
