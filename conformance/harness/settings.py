"""What a run was asked to do: the pytest options of the plugin, gathered into one struct.

`chiscsi conform` writes these options, pytest-xdist hands them to its workers, and everything else reads the struct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

if TYPE_CHECKING:
    import pytest

PREFIX = "iscsi"
DEFAULT_FACTORY = "conformance.embedded:start"


Show = Literal["pytest", "plain", "bar", "quiet"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One field an option; `choice` fields are lists, the empty list choosing everything.

    url: the target (`conformance.harness.address`); empty for the embedded one.
    transport: how the embedded target is reached; link: what happens to packets on their way to the card.
    suite, case, requirement, level: what to run; several values of one kind are alternatives, kinds narrow each other.
    allow_data_loss: whether destructive cases may run on a foreign target.
    profile: name or path of the target's deviation profile; empty for none.
    initiator_name: the name to log in with; empty lets the harness make one for each worker.
    user, target_user: CHAP names of both sides; their secrets are in the environment (`conformance.credentials`).
    driver: LUN classes and target classes that the embedded target is to use (`conformance.drivers`).
    quirk: names of the switches of `chiscsi_target.quirks` that are on in the embedded target.
    offload: which connections of the embedded target run over the emulated adapter, and how.
    segments: how many octets reach the embedded target at once, in memory; 0 for as many as were sent.
    patience: seconds that an answer may take before it counts as missing.
    time_limit: seconds of wall clock for one case that names no limit of its own.
    reconnect: seconds to wait for a target that died, before the rest of the run is given up.
    revive: shell command that restarts a foreign target that died; empty when nobody can.
    suites: directory of other suites than the shipped ones.
    factory: `module:function` that makes the embedded target; another one puts a faulty target in its place.
    live: who shows progress: pytest itself, our plain lines, our bar, or nobody.
    out: directory for the reports; empty writes none.
    """

    url: str = ""
    transport: Literal["tcp", "memory", "card"] = "tcp"
    link: str = ""
    suite: list[str] = []
    case: list[str] = []
    requirement: list[str] = []
    level: list[str] = []
    allow_data_loss: bool = False
    profile: str = ""
    initiator_name: str = ""
    user: str = ""
    target_user: str = ""
    driver: list[str] = []
    quirk: list[str] = []
    offload: str = "auto"
    segments: int = 0
    patience: float = 5.0
    time_limit: float = 30.0
    reconnect: float = 5.0
    revive: str = ""
    suites: str = ""
    factory: str = DEFAULT_FACTORY
    live: Show = "pytest"
    out: str = ""

    @property
    def foreign(self) -> bool:
        """Whether the target is somebody else's, so that its data and its time are not ours."""
        return bool(self.url)

    @property
    def way(self) -> str:
        """How the embedded target is to be made reachable (`conformance.embedded.Way`)."""
        return f"{self.transport}:{self.link}" if self.link else self.transport

    @property
    def changes(self) -> tuple[str, ...]:
        """The options by which the embedded target is another than usual."""
        plain = Settings()
        return tuple(name for name in _CHANGES if getattr(self, name) != getattr(plain, name))


_CHANGES = ("driver", "quirk", "offload", "segments")
_HELP = {
    "url": "the target, iscsi://HOST[:PORT]/IQN[/LUN]; without it the embedded target is tested",
    "transport": "how the embedded target is reached: tcp, memory or card",
    "link": "what the link to the card does: loss=0.05,reorder=0.05,duplicate=0.02,delay=0.001,seed=7",
    "suite": "run only this suite (repeatable)",
    "case": "run only the case with this identifier (repeatable)",
    "requirement": "run only cases of this requirement, or of a section with all below it: 7143-4.2.2 (repeatable)",
    "level": "run only cases whose rule is of this level, such as MUST (repeatable)",
    "allow_data_loss": "let cases write to a target that is not the embedded one",
    "profile": "the target's known deviations: a shipped profile's name, or a TOML file",
    "initiator_name": "log in under this name, where the target admits only names it knows",
    "user": "CHAP name to log in under; its secret is in CHISCSI_PASSWORD",
    "target_user": "CHAP name that the target answers with; its secret is in CHISCSI_TARGET_PASSWORD",
    "driver": "storage driver that the embedded target is to use: PACKAGE.MODULE:NAME (repeatable)",
    "quirk": "where the embedded target is to do as release 3.14 of the module (repeatable)",
    "offload": "which connections of the embedded target run over the emulated adapter: off, auto, nic, ulp or crc",
    "segments": "how many octets reach the embedded target at once, in memory; 0 for as many as were sent",
    "patience": "seconds that an answer may take",
    "time_limit": "seconds that a case may take",
    "reconnect": "seconds to wait for a target that died",
    "revive": "shell command that restarts a target that died",
    "suites": "directory of other suites than the shipped ones",
    "factory": "module:function that makes the embedded target",
    "live": "who shows progress: pytest, plain, bar or quiet",
    "out": "directory for the reports",
}


def option(name: str) -> str:
    """The pytest option for a field: `allow_data_loss` as --iscsi-allow-data-loss."""
    return f"--{PREFIX}-{name.replace('_', '-')}"


def add_options(parser: pytest.Parser) -> None:
    """Declare every field of :class:`Settings` as a pytest option."""
    group = parser.getgroup("iscsi conformance")
    for field in msgspec.structs.fields(Settings):
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        arguments: dict[str, Any] = {"dest": f"{PREFIX}_{field.name}", "help": _HELP[field.name], "default": default}
        if isinstance(default, bool):
            arguments["action"] = "store_true"
        elif isinstance(default, list):
            arguments["action"] = "append"
        elif isinstance(default, int | float):
            arguments["type"] = type(default)
        group.addoption(option(field.name), **arguments)


def from_config(config: pytest.Config) -> Settings:
    """The settings of a pytest run, or of a worker of one."""
    values = {name: config.getoption(f"{PREFIX}_{name}") for name in Settings.__struct_fields__}
    return msgspec.convert(values, type=Settings)


def to_arguments(settings: Settings) -> list[str]:
    """The options that make pytest, and through :func:`from_config` the plugin, see these settings."""
    arguments: list[str] = []
    for field in msgspec.structs.fields(Settings):
        value = cast("object", getattr(settings, field.name))
        if isinstance(value, bool):
            arguments += [option(field.name)] if value else []
        elif isinstance(value, list):
            arguments += [f"{option(field.name)}={item}" for item in value]
        elif value != field.default:
            arguments.append(f"{option(field.name)}={value}")
    return arguments
