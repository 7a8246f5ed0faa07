"""The reference page is what the tables give now, and knows every option of a logical unit."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_lun
from chiscsi_target.config.global_variables import VARIABLES
from chiscsi_target.config.keys import TARGET_KEYS
from chiscsi_target.config.reference import PATH, renewed
from chiscsi_target.drivers.file import FileLunClass
from chiscsi_target.drivers.memory import MemoryLunClass


def test_the_page_is_not_stale() -> None:
    text = PATH.read_text(encoding="utf-8")
    assert text == renewed(text), "run python -m chiscsi_target.config.reference"
    for name in (*TARGET_KEYS, *VARIABLES):
        assert f"| `{name}` |" in text


def test_a_stale_page_is_noticed() -> None:
    text = PATH.read_text(encoding="utf-8")
    stale = text.replace("| `MaxConnections` | number, 1 to 65535 |", "| `MaxConnections` | number |")
    assert stale != text and renewed(stale) == text


def test_every_option_of_the_built_in_classes_is_on_it() -> None:
    for lun_class in (FileLunClass(), MemoryLunClass()):
        reason = bytearray()
        lun_class.fp_config_parse_options(chiscsi_lun(lun_class, 0, "disk"), "NONE", 4, reason)
        text = PATH.read_text(encoding="utf-8")
        names = reason.decode().partition("there are ")[2].split(", ")
        assert len(names) > 6
        for name in names:
            assert any(f"`{word}" in text for word in (name, f"{name}=", f"{name.lower()}=")), name
