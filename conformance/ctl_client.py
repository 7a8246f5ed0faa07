"""What `chiscsi ctl` does: one request to a running target, one answer to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from chiscsi_target.control.client import ControlClient, Refused, Unreachable
from chiscsi_target.control.errors import ErrorCode

EXIT_NOT_DONE = 1
EXIT_USAGE = 2


def run(
    socket: Path,
    method: str,
    params: Mapping[str, object],
    view: str,
    *,
    as_json: bool = False,
    as_text: bool = False,
) -> int:
    """Have a method carried out, and show its result.

    Args:
        socket: the target's control socket.
        method: its name.
        params: its parameters; None means not given.
        view: how the result is shown, see `conformance.ctl_tables`.
        as_json: show it as JSON instead; an error as well.
        as_text: show it in the lines that `iscsictl` prints instead (`conformance.ctl_text`).

    Returns:
        The exit code: 0 done; 1 the target could not do all of it; 2 wrong parameters, no target listens, or its answer
        cannot be shown.
    """
    try:
        return _run(socket, method, params, lambda result: _present(view, result, as_json=as_json, as_text=as_text))
    except Unreachable as error:
        _complain([str(error)])
    except Refused as error:
        _refused(error, as_json=as_json)
        return EXIT_USAGE if error.code == ErrorCode.INVALID_PARAMS else EXIT_NOT_DONE
    return EXIT_USAGE


def _run(socket: Path, method: str, params: Mapping[str, object], present: Callable[[Any], None]) -> int:
    with ControlClient(socket) as client:
        result = client.call(method, **params)
    try:
        present(result)
        print(end="", flush=True)  # which does nothing where there is no output
        return EXIT_NOT_DONE if result.get("errors") else 0
    except BrokenPipeError:
        raise  # whoever read it has had enough
    except OSError as error:
        _complain([f"the answer cannot be written: {error.strerror or error}"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        _complain([f"the answer is not one of this program's version; --json shows it as it is: {error!r}"])
    return EXIT_USAGE


def _present(view: str, result: Any, *, as_json: bool, as_text: bool) -> None:
    if as_json:
        _print_json(result)
    else:
        _show(view, result, as_text=as_text)
        _complain(result.get("errors", []))


def _show(view: str, result: Mapping[str, Any], *, as_text: bool) -> None:
    """Show a result; of the two ways only the one that is wanted is imported, since that takes as long as the rest."""
    if as_text:
        from conformance.ctl_text import lines

        found = lines(view, result)
        if found is not None:
            print(*(f"{line}\n" for line in found), sep="", end="")
            return
    from conformance.ctl_tables import show

    show(view, result)


def _refused(error: Refused, *, as_json: bool) -> None:
    if as_json:
        _print_json({"error": {"code": error.code, "message": str(error), "data": error.data}})
    else:
        told = error.data.get("errors") if isinstance(error.data, dict) else None
        _complain(told if told and isinstance(told, list) else [str(error)])


def _complain(lines: Iterable[object]) -> None:
    for line in lines:
        print(f"chiscsi ctl: {line}", file=sys.stderr)


def _print_json(value: Any) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
