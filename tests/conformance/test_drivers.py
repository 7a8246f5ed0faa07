"""`--driver`: what it finds, what it makes of options, and how it says that something is no driver."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.drivers.samples.multi_phase import PhasedDisk
from chiscsi_target.drivers.samples.single_phase import ApiDisk
from chiscsi_target.drivers.samples.target_class import ApiTarget
from chiscsi_target.target_module import TargetModule
from conformance import drivers as drivers_module
from conformance.drivers import DriverProblem, load_drivers
from conformance.harness.conform import UsageError, conform, judge
from conformance.harness.settings import Settings

SAMPLES = "chiscsi_target.drivers.samples"
SINGLE = f"{SAMPLES}.single_phase:ApiDisk"

MODULE = """
import sys
from threading import Event
from chiscsi_target.api import chiscsi_target_class, chiscsi_target_lun_class
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.drivers.samples.single_phase import ApiDisk
from chiscsi_target.drivers.samples.target_class import ApiTarget

class Incomplete(chiscsi_target_lun_class):
    class_name = "INCOMPLETE"

class Nameless(ApiDisk):
    class_name = ""

class Odd(ApiDisk):
    property = "pass-through"

class Raises(ApiDisk):
    @property
    def fp_tmf_execute(self):
        raise RuntimeError("no hook for you")

def ends():
    sys.exit("no medium")

def hangs():
    Event().wait()

class Twice(ApiDisk):
    def _execute_read(self, sc):
        super()._execute_read(sc)
        super()._execute_read(sc)

class Refuses(MemoryLunClass):
    def fp_attach(self, lu, ebuf, ebuflen):
        return -26

class NeverAttaches(MemoryLunClass):
    def fp_attach(self, lu, ebuf, ebuflen):
        Event().wait()

def fails():
    raise OSError("no such device")

def several(size_mb=8):
    return [ApiDisk(size_mb), ApiTarget()]

def wrong():
    return 42

def mixed():
    return [ApiDisk(), "disk"]

number = 7
instance = ApiDisk(1)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "someones_disk.py").write_text(MODULE)
    (tmp_path / "broken_disk.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "misspelt_disk.py").write_text("def broken(:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield "someones_disk"
    for name in ("someones_disk", "broken_disk"):
        sys.modules.pop(name, None)


def test_classes_and_their_options() -> None:
    drivers = load_drivers([f"{SINGLE},size_mb=2,luns=3,threads=no", f"{SAMPLES}.target_class:ApiTarget"])
    (disk,) = drivers.lun_classes
    assert isinstance(disk, ApiDisk) and disk._sizes == [2 << 20] * 3
    assert isinstance(drivers.target_class, ApiTarget)
    assert drivers.register(TargetModule()) == [("TargetClass", "API_TEST")]


def test_a_class_with_units_from_lines_gets_one() -> None:
    drivers = load_drivers(["chiscsi_target.drivers.memory:MemoryLunClass,size=4M,path=here,RO"])
    assert drivers.devices == ["here,MEM,size=4M,RO"]
    assert drivers.register(TargetModule()) == [("TargetClass", "DRIVERS"), ("TargetDevice", "here,MEM,size=4M,RO")]
    ((lun_class, options),) = drivers.units()
    assert isinstance(lun_class, MemoryLunClass) and options == "size=4M,RO"


def test_a_target_class_alone_gets_a_disk_in_memory() -> None:
    drivers = load_drivers([f"{SAMPLES}.target_class:ApiTarget"])
    assert [type(each) for each in drivers.lun_classes] == [MemoryLunClass]


def test_functions_and_instances(module: str) -> None:
    drivers = load_drivers([f"{module}:several,size_mb=4"])
    assert [type(drivers.target_class).__name__, *(type(each).__name__ for each in drivers.lun_classes)] == [
        "ApiTarget",
        "ApiDisk",
    ]
    assert load_drivers([f"{module}:instance"]).lun_classes[0] is load_drivers([f"{module}:instance"]).lun_classes[0]


def test_several_lun_classes_are_kept_in_order() -> None:
    drivers = load_drivers([SINGLE, f"{SAMPLES}.multi_phase:PhasedDisk"])
    assert [type(each) for each in drivers.lun_classes] == [ApiDisk, PhasedDisk]


@pytest.mark.parametrize(
    "specification, words",
    [
        ("nowhere", "expected PACKAGE.MODULE:NAME"),
        ("nowhere:", "expected PACKAGE.MODULE:NAME"),
        ("nowhere:Disk", "cannot import nowhere: ModuleNotFoundError: No module named 'nowhere'"),
        ("broken_disk:Disk", "cannot import broken_disk: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("misspelt_disk:Disk", "cannot import misspelt_disk: SyntaxError: invalid syntax (misspelt_disk.py, line 1)"),
        ("someones_disk:Odd", "property of Odd is 'pass-through', which is no int"),
        ("someones_disk:Raises", "RuntimeError: no hook for you"),
        ("someones_disk:ends", "making someones_disk:ends wanted to end the program: SystemExit no medium"),
        ("someones_disk:Disk", "has no attribute 'Disk'"),
        ("someones_disk:Incomplete", "Incomplete lacks fp_scsi_cmd_cdb_rcved"),
        ("someones_disk:Nameless", "Nameless has no class_name"),
        ("someones_disk:fails", "OSError: no such device"),
        ("someones_disk:wrong", "it made a int; expected a LUN class"),
        ("someones_disk:mixed", "it made a str; expected a LUN class"),
        ("someones_disk:number", "a int was found; expected a LUN class"),
        (f"{SINGLE},colour=red", "no option colour"),
        (f"{SINGLE},luns=many", "TypeError"),
    ],
)
def test_what_is_no_driver_is_said_in_one_line(module: str, specification: str, words: str) -> None:
    with pytest.raises(DriverProblem) as caught:
        load_drivers([specification])
    text = str(caught.value)
    assert words in text and specification in text and "\n" not in text


def test_a_driver_that_never_gets_made_is_broken_off(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers_module, "MAKING", 0.05)
    with pytest.raises(DriverProblem, match=f"making {module}:hangs had not returned after 0.05 s"):
        load_drivers([f"{module}:hangs"])


@pytest.mark.parametrize(
    "name, words",
    [("Refuses", "TargetDevice=disk0: refused with -26"), ("NeverAttaches", "had not returned after 0.5 s")],
)
def test_a_unit_that_is_refused_is_told_before_the_run(
    module: str, name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers_module, "MAKING", 0.5)
    with pytest.raises(UsageError, match=f"--driver {module}:{name}: .*{words}"):
        conform(Settings(transport="memory", driver=[f"{module}:{name}"]))


def test_one_target_class_is_enough() -> None:
    with pytest.raises(DriverProblem, match="one target class"):
        load_drivers([f"{SAMPLES}.target_class:ApiTarget"] * 2)


def test_two_classes_of_one_name() -> None:
    with pytest.raises(DriverProblem, match="TESTDISK cannot be registered"):
        load_drivers([SINGLE, SINGLE]).register(TargetModule())


# chiscsi conform --driver


def test_the_contract_kit_is_a_suite_when_there_is_a_driver() -> None:
    settings = Settings(transport="memory", driver=[f"{SINGLE},size_mb=4,luns=2"], suite=["driver_contract", "nop"])
    results = judge(settings)
    kit = [result for result in results.values() if result.card.suite == "driver_contract"]
    assert len(kit) == 18
    assert {result.verdict for result in results.values()} == {"pass"}, [
        result for result in results.values() if result.verdict != "pass"
    ]


def test_without_a_driver_there_is_no_such_suite() -> None:
    with pytest.raises(UsageError, match="driver_contract"):
        judge(Settings(transport="memory", suite=["driver_contract"]))


def test_findings_stand_beside_the_verdicts(module: str, tmp_path: Path) -> None:
    """A read that is completed twice: nothing of it shows on the wire, so protocol cases pass."""
    read, kit = "datain-final-01", "driver-contract-01.reads-and-writes"
    out = tmp_path / "reports"
    settings = Settings(transport="memory", driver=[f"{module}:Twice,size_mb=4"], case=[read, kit], out=str(out))
    assert conform(settings) == 1
    run = json.loads((out / "results.json").read_text())
    cases = {one["id"]: one for one in run["cases"]}
    assert cases[read]["verdict"] == "pass"
    assert "double-completion" in {finding["kind"] for finding in cases[read]["findings"]}
    broken = cases[kit]
    assert broken["verdict"] == "fail" and broken["expected"] == "A command is completed once"
    assert "once" in {finding["kind"] for finding in broken["findings"]}
    assert f"--driver {module}:Twice,size_mb=4" in broken["repeat_command"]
    assert run["target"] == f"embedded target with {module}:Twice,size_mb=4"
    assert "finding: once: " in (out / "junit.xml").read_text()


@pytest.mark.parametrize(
    "settings, words",
    [
        (Settings(driver=["nowhere:Disk"]), "cannot import nowhere"),
        (Settings(driver=[SINGLE], url="iscsi://127.0.0.1:1/iqn.2026-11.a:b"), "leave out the address"),
    ],
)
def test_a_run_that_cannot_be(settings: Settings, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        conform(settings)
