"""What `--offload` asks for, of `chiscsi serve` and of the embedded target of `chiscsi conform`."""

from __future__ import annotations

from chiscsi_target.errors import ConfigurationError
from chiscsi_target.offload.terminator import Offload

__all__ = ["offload_named"]


def offload_named(way: str) -> Offload:
    """Which connections run over the emulated adapter, and how.

    Raises:
        ConfigurationError: there is no such way.
    """
    try:
        return Offload(way)
    except ValueError:
        known = ", ".join(each.value for each in Offload)
        raise ConfigurationError("offload", f"{way} is none of: {known}") from None
