"""Where faults between the target and its storage driver are planted: the hooks it calls, the calls it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.core.task import Task
from chiscsi_target.engine.inspection import InspectedStack
from chiscsi_target.tracing import TracedHooks
from tests.mutants.planting import Original, Plant

Condition = Callable[[Any], bool]


def always(_: Any) -> bool:
    """Whatever the command."""
    return True


def skip_hook(plant: Plant, name: str, when: Condition = always) -> None:
    """Have a hook not called for some commands; `when` is given the command, or what stands in its place."""

    def call(original: Original, hooks: TracedHooks, *arguments: Any) -> Any:
        return 0 if when(arguments[0]) else original(hooks, *arguments)

    plant.wrap(TracedHooks, name, call)


def before_hook(plant: Plant, name: str, change: Callable[[Any], object]) -> None:
    """Change a command before a hook of it is called."""

    def call(original: Original, hooks: TracedHooks, sc: Any, *arguments: Any) -> Any:
        change(sc)
        return original(hooks, sc, *arguments)

    plant.wrap(TracedHooks, name, call)


def repeat_hook(plant: Plant, name: str) -> None:
    """Have a hook called twice each time."""

    def call(original: Original, *arguments: Any) -> Any:
        original(*arguments)
        return original(*arguments)

    plant.wrap(TracedHooks, name, call)


def before_call(plant: Plant, name: str, change: Callable[[Task], object]) -> None:
    """Change a command before a completion of its driver is taken."""

    def call(original: Original, stack: InspectedStack, task: Task, *arguments: Any) -> Any:
        change(task)
        return original(stack, task, *arguments)

    plant.wrap(InspectedStack, name, call)


def refuse_call(plant: Plant, name: str, when: Callable[..., bool]) -> None:
    """Have a completion refused in some cases; `when` is given the call's arguments."""

    def call(original: Original, stack: InspectedStack, *arguments: Any) -> Any:
        return -26 if when(*arguments) else original(stack, *arguments)

    plant.wrap(InspectedStack, name, call)


def after_call(plant: Plant, name: str, change: Callable[[Task, int], object]) -> None:
    """Change a command after a completion of its driver was taken, or not; `change` is given the result, too."""

    def call(original: Original, stack: InspectedStack, task: Task, *arguments: Any) -> Any:
        result = original(stack, task, *arguments)
        change(task, result)
        return result

    plant.wrap(InspectedStack, name, call)
