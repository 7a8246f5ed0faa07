"""Deadlines against a plain dictionary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.tcp.timers import NEVER, Deadlines

moments = st.integers(0, 20).map(float)


@given(st.lists(st.one_of(moments, st.tuples(st.integers(0, 4), st.one_of(moments, st.just(NEVER)))), max_size=40))
def test_they_do_what_a_dictionary_does(steps: list[float | tuple[int, float]]) -> None:
    real: Deadlines[int] = Deadlines()
    model: dict[int, float] = {}
    for step in steps:
        if isinstance(step, tuple):
            real.set(*step)
            model[step[0]] = step[1]
        else:
            due = real.take_due(step)
            assert sorted(due) == sorted(key for key, deadline in model.items() if deadline <= step)
            assert [model[key] for key in due] == sorted(model[key] for key in due)
            model = {key: deadline for key, deadline in model.items() if deadline > step}
        model = {key: deadline for key, deadline in model.items() if deadline != NEVER}
        assert real.next == min(model.values(), default=NEVER)
        assert len(real) == len(model)
