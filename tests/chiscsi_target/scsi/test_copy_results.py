from __future__ import annotations

import pytest

from chiscsi_target.scsi.copy_results import MOST_REMEMBERED, CopyResults
from chiscsi_target.scsi.refused import Refused
from iscsi_wire.scsi_copy_codes import CopyStatus

IN_PROGRESS = (5, 0, 0x16)


def test_a_list_identifier_is_that_of_one_session() -> None:
    results = CopyResults()
    first, second = results.begin(1, 5, 0), results.begin(2, 5, 0)
    assert results.find(1, 5) is first and results.find(2, 5) is second
    results.forget(1)
    assert results.find(1, 5) is None and results.find(2, 5) is second
    results.clear()
    assert results.find(2, 5) is None


def test_a_list_identifier_in_use_is_refused_until_its_copy_is_over() -> None:
    results = CopyResults()
    first = results.begin(1, 5, 0)
    with pytest.raises(Refused) as refused:
        results.begin(1, 5, 0)
    assert tuple(refused.value.sense) == IN_PROGRESS and results.find(1, 5) is first
    first.status = CopyStatus.FAILED
    assert results.begin(1, 5, 0) is results.find(1, 5) is not first


def test_a_copy_without_list_identifier_is_not_remembered() -> None:
    results = CopyResults()
    results.begin(1, None, 0)
    results.begin(1, None, 0)
    assert not results.by_session


def test_the_oldest_copy_that_is_over_makes_room() -> None:
    results = CopyResults()
    for identifier in range(MOST_REMEMBERED):
        results.begin(1, identifier, 0).status = CopyStatus.COMPLETED
    results.by_session[1][0].status = CopyStatus.IN_PROGRESS
    results.begin(1, 5000, 0)
    assert len(results.by_session[1]) == MOST_REMEMBERED
    assert results.find(1, 0) is not None and results.find(1, 1) is None and results.find(1, 2) is not None
