"""`Dispatcher`: carries out the methods of the table on a Target Module, whichever thread asks."""

from __future__ import annotations

import traceback
from threading import Lock
from typing import Any

import msgspec

from chiscsi_target.control.errors import ErrorCode, RpcError
from chiscsi_target.control.methods import METHODS, Method
from chiscsi_target.core.agenda import ERROR
from chiscsi_target.errors import ConfigurationError
from chiscsi_target.target_module import TargetModule

PATIENCE = 10.0
"""How long a change waits for the one before it, in seconds: a removal may wait for a driver for ever."""


class Dispatcher:
    """Answers requests; `call` may be called by several threads at once.

    Args:
        module: the Target Module.
        patience: how long a change waits for the one before it, in seconds.
    """

    def __init__(self, module: TargetModule, patience: float = PATIENCE) -> None:
        self._module = module
        self._patience = patience
        self._changing = Lock()

    def call(self, name: str, params: Any) -> Any:
        """Carry out a method.

        Args:
            name: its name in the table.
            params: its parameters, as JSON: an array, an object or None.

        Raises:
            RpcError: it cannot be carried out.
        """
        method = METHODS.get(name)
        if method is None:
            raise RpcError(ErrorCode.METHOD_NOT_FOUND, f"there is no method {name!r}", {"methods": list(METHODS)})
        arguments = _arguments(method, params)
        if not method.changes:
            return self._run(method, arguments)
        if not self._changing.acquire(timeout=self._patience):
            raise RpcError(ErrorCode.BUSY, "another request is changing the target")
        try:
            return self._run(method, arguments)
        finally:
            self._changing.release()

    def _run(self, method: Method, arguments: msgspec.Struct) -> Any:
        try:
            return method.run(self._module, arguments)
        except RpcError:
            raise
        except ConfigurationError as error:
            raise RpcError(ErrorCode.REFUSED, str(error), {"where": error.where}) from error
        except Exception as error:
            self._module.directory.login_worker.log(ERROR, f"{method.name}: {traceback.format_exc().rstrip()}")
            raise RpcError(ErrorCode.INTERNAL_ERROR, "the target's log says more") from error


def _arguments(method: Method, params: Any) -> msgspec.Struct:
    """The method's parameters, checked.

    Raises:
        RpcError: they are not what it takes.
    """
    names = [field.name for field in msgspec.structs.fields(method.params)]
    if isinstance(params, list):
        if len(params) > len(names):
            raise RpcError(ErrorCode.INVALID_PARAMS, f"{method.name} takes {len(names)} parameters")
        params = dict(zip(names, params, strict=False))
    try:
        return msgspec.convert(params or {}, method.params)
    except msgspec.ValidationError as error:
        raise RpcError(ErrorCode.INVALID_PARAMS, f"{method.name}: {error}") from error
