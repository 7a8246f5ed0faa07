"""Contract kits: does somebody's LUN class or target class keep what the guide asks of it?

    from conformance.contract import check_lun_class

    report = check_lun_class(MyDisk)
    assert not report.findings, report

Neither needs pytest, a socket or a privilege. Each scenario gets a new object from the factory, behind a target in
memory, and whatever the class does becomes a finding: nothing is raised for a broken driver.
"""

from conformance.contract.lun_class import check_lun_class
from conformance.contract.report import ContractFinding, ContractReport, ScenarioResult
from conformance.contract.rules import RULES, Rule
from conformance.contract.target_class import check_target_class

__all__ = [
    "RULES",
    "ContractFinding",
    "ContractReport",
    "Rule",
    "ScenarioResult",
    "check_lun_class",
    "check_target_class",
]
