"""Single values: what each form takes, and how it says what it wants instead."""

from __future__ import annotations

import pytest

from chiscsi_target.config import values
from chiscsi_target.config.values import Form
from iscsi_wire.keys import KEYS


@pytest.mark.parametrize(
    "form, text, value",
    [
        (values.boolean(), "Yes", True),
        (values.boolean(), "No", False),
        (values.number(1, 20), "0x10", 16),
        (values.number(16, 64, 16), "48", 48),
        (values.choice("A", "B"), "B", "B"),
        (values.list_of("A", "B"), "B,A", ("B", "A")),
        (values.text(4), "\u00e4 b", "\u00e4 b"),
        (values.ascii_text(8), "a,b =c", "a,b =c"),
        (values.iscsi_name(), "IQN.2026-11.org.example:A", "iqn.2026-11.org.example:a"),
        (values.hex_pair(), "0xf,0xC82000", (15, 0xC82000)),
        (values.hex_pair(), "f", (15, 0)),
        (values.negotiated(KEYS["MaxConnections"]), "65535", 65535),
        (values.negotiated(KEYS["TaskReporting"]), "RFC3720,FastAbort", ("RFC3720", "FastAbort")),
    ],
)
def test_values_are_read_and_written(form: Form, text: str, value: object) -> None:
    assert form.parse(text) == value
    assert form.parse(form.format(value)) == value


@pytest.mark.parametrize(
    "form, text, reason",
    [
        (values.boolean(), "yes", "neither Yes nor No"),
        (values.number(1, 20), "21", "21 is not a number from 1 to 20"),
        (values.number(1, 20), "x", "'x' is not a number from 1 to 20"),
        (values.number(16, 64, 16), "24", "a multiple of 16"),
        (values.choice("A", "B"), "C", "'C' is none of A, B"),
        (values.list_of("A", "B"), "A,,B", "'' is none of A, B"),
        (values.text(4), "", "1 to 4 octets"),
        (values.text(4), "\u00e4\u00e4\u00e4", "1 to 4 octets"),
        (values.text(4), "a\tb", "printable"),
        (values.text_without_comma(4), "a,b", "comma"),
        (values.ascii_text(8), "\u00e4", "ASCII"),
        (values.iscsi_name(), "disk", "no iqn"),
        (values.hex_pair(), "", "hexadecimal"),
        (values.hex_pair(), "1,2,3", "hexadecimal"),
        (values.hex_pair(), "123456789", "hexadecimal"),
        (values.choice("A"), "x" * 500, r"'x{40}\.\.\.' is none of A"),
    ],
)
def test_errors_say_what_is_wanted(form: Form, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        form.parse(text)


def test_what_is_known_and_refused_has_the_modules_words() -> None:
    form = values.unsupported(values.boolean(), lambda value: value is False, "Key=No NOT supported.")
    assert form.parse("Yes") is True
    with pytest.raises(values.Unsupported, match=r"^Key=No NOT supported\.$"):
        form.parse("No")
    with pytest.raises(ValueError, match="neither"):
        form.parse("no")
