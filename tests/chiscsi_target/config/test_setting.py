"""Rows of the tables of settings: whose error it is, and what is shown of a secret."""

from __future__ import annotations

import pytest

from chiscsi_target.config import values
from chiscsi_target.config.setting import Setting
from chiscsi_target.errors import ConfigurationError


def _unwritable(value: int) -> str:
    raise ValueError(f"{value} cannot be written")


NUMBER = Setting(name="number", form=values.number(0, 9), attribute="number")
REFUSING = values.unsupported(values.boolean(), lambda value: value is True, "The module's own words.")


def test_a_value_is_read_and_written_again() -> None:
    assert NUMBER.parse("0x7") == 7 and NUMBER.format(7) == "7"


@pytest.mark.parametrize(
    "row, text, told",
    [
        (NUMBER, "10", "number: 10 is not a number from 0 to 9"),
        (Setting(name="flag", form=REFUSING, attribute="flag"), "Yes", "The module's own words."),
        (Setting(name="flag", form=REFUSING, attribute="flag"), "yes", "flag: "),
    ],
)
def test_a_wrong_value_names_its_setting_unless_the_module_has_words_for_it(row: Setting, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        row.parse(text)
    assert str(caught.value).startswith(told) and caught.value.where == row.name


def test_a_value_that_cannot_be_written_names_its_setting_too() -> None:
    form = values.Form(int, "a number", _unwritable)
    with pytest.raises(ConfigurationError, match=r"^number: 3 cannot be written$"):
        Setting(name="number", form=form, attribute="number").format(3)


def test_a_secret_is_hidden_from_those_who_may_not_see_it() -> None:
    row = Setting(name="pin", form=values.number(0, 9999), attribute="pin", hide=lambda _: "****")
    assert row.format(1234) == "1234" and row.format(1234, secrets=False) == "****"
    assert NUMBER.format(7, secrets=False) == "7"
