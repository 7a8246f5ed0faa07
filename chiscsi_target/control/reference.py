"""docs/reference/control-protocol.md, from the tables of the code: `python -m chiscsi_target.control.reference`."""

from __future__ import annotations

import sys
import types
from typing import Any, get_args, get_origin

import msgspec

from chiscsi_target.control.errors import ErrorCode
from chiscsi_target.control.methods import METHODS, PROTOCOL, Method
from chiscsi_target.control.server import MAX_CLIENTS, MAX_MESSAGE, PATIENCE

_HEAD = f"""\
# The control protocol

A running target that was given `--control PATH` answers [JSON-RPC 2.0](https://www.jsonrpc.org/specification) on a Unix
socket: each document is one line of UTF-8, at most {MAX_MESSAGE} octets. A connection takes any number of them, one
after the other; batches and notifications are as the specification says. Only the target's own user may connect (mode
0600), {MAX_CLIENTS} clients at most; one that says nothing for {PATIENCE:g} seconds is left.
[`chiscsi ctl`](../how-to/manage-a-running-target.md) speaks it, and so can a program:

```python
from pathlib import Path

from chiscsi_target.control.client import ControlClient

with ControlClient(Path("control")) as target:
    print(target.call("version"))
    for each in target.call("list")["targets"]:
        print(each["name"], each["sessions"])
```

On the wire the first call and its answer are

    {{"jsonrpc":"2.0","method":"version","params":{{}},"id":1}}
    {{"jsonrpc":"2.0","result":{{"name":"chiscsi","version":"0.1.0","protocol":{PROTOCOL}}},"id":1}}

`.venv/bin/python -m chiscsi_target.control.reference` writes this page. It describes version {PROTOCOL} of it,
which grows when something disappears or changes its meaning; new methods and fields can come at any time.

## Methods

Parameters go by name, or in this order; those with a `?` can be left out. A `file` is an absolute path that the target
opens. Methods that change the target are carried out one at a time. `messages` are what was done, in words; `errors`,
what could not be done while the rest was.

| method | parameters | changes | what it does, and its result |
| --- | --- | --- | --- |
"""

_MIDDLE = """
Sessions, connections and counters have the fields of the information calls (`chiscsi_session_info`,
`chiscsi_connection_info` and `chiscsi_perf_info` of `chiscsi_target.api`), with `isid` in hexadecimal. The `hndl` of a
session is the driver's `sess_hdl`.

## Errors

| code | name | meaning |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    methods = "".join(map(_row, METHODS.values()))
    errors = "".join(f"| {int(code)} | {code.name} | {code.meaning} |\n" for code in ErrorCode)
    return _HEAD + methods + _MIDDLE + errors


def _row(method: Method) -> str:
    params = ", ".join(map(_param, msgspec.structs.fields(method.params)))
    return f"| `{method.name}` | {params} | {'yes' if method.changes else ''} | {method.summary} |\n"


def _param(field: msgspec.structs.FieldInfo) -> str:
    return f"`{field.name}{'' if field.required else '?'}` {_words(field.type)}"


def _words(kind: Any) -> str:
    """A type as JSON has it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is types.UnionType:
        return " or ".join(_words(each) for each in arguments if each is not types.NoneType)
    if origin is list:
        return f"array of {_words(arguments[0])}s"
    if origin is dict:
        return f"object of {_words(arguments[1])}s"
    return {str: "string", int: "number"}[kind]


if __name__ == "__main__":
    sys.stdout.write(page())
