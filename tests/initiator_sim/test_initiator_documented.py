"""The examples in docs/reference/initiator.md work, each on a new session with our own target."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conformance.embedded import start
from initiator_sim import Initiator, Settings, expect
from iscsi_wire import scsi
from iscsi_wire.pdus import NopOut
from tests.tree import ROOT

IQN = "iqn.2004-10.test:disk"
DOCUMENT = (ROOT / "docs/reference/initiator.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_an_example_works(example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    target = start("memory", IQN, lambda record: None)
    made: list[Initiator] = []

    def in_memory(host: str, port: int, name: str) -> Initiator:
        made.append(Initiator(target.connect, name, settings=Settings(clock=target.clock)))
        return made[-1]

    monkeypatch.setattr(Initiator, "tcp", in_memory)
    initiator = in_memory("127.0.0.1", 3260, IQN)
    session = initiator.login()
    session.command(scsi.TestUnitReady())
    names: dict[str, Any] = {"initiator": initiator, "session": session, "expect": expect, "scsi": scsi}
    exec(example, names | {"NopOut": NopOut})
    assert "Login Request" in made[-1].exchange.ladder()
    if "print(" in example:
        assert "Logout Response" in capsys.readouterr().out


def test_every_name_in_the_tables_exists() -> None:
    from initiator_sim import mutations

    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    names = {name for row in rows for name in re.findall(r"`(\w+)\(", row.split("|")[1])}
    assert len(names) > 30
    assert {name for name in names if not hasattr(expect, name) and not hasattr(mutations, name)} == set()
