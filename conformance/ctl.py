"""`chiscsi ctl`: manages a running target. Only options and help are here; `ctl_client` asks, `ctl_tables` shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="ctl",
    help="Manage a target that `chiscsi serve --control` runs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog="Exit code: 0 done; 1 the target could not do all of it; 2 wrong usage, or no target listens.",
)


def _argument(value: str, text: str) -> typer.models.ArgumentInfo:
    info: typer.models.ArgumentInfo = typer.Argument(metavar=value, help=text, show_default=False)
    return info


_AS_TEXT = "as_text"

Json = Annotated[bool, typer.Option("--json", help="Show the answer as JSON.", show_default=False)]
Target = Annotated[str, _argument("TARGET", "TargetName.")]
AnyTarget = Annotated[str | None, _argument("TARGET", "Only this target.")]
Names = Annotated[list[str], _argument("TARGET...", "TargetNames, or ALL.")]
SomeNames = Annotated[list[str] | None, _argument("TARGET...", "Only these targets of the file.")]
ConfigurationPath = Annotated[Path, _argument("FILE", "Configuration file.")]
Lun = Annotated[int | None, typer.Option(help="Only this logical unit.", show_default=False, min=0)]
Initiator = Annotated[str | None, typer.Option(metavar="NAME", help="Only this initiator's.", show_default=False)]
Key = Annotated[str | None, typer.Option("--key", "-k", help="Only this key.", show_default=False)]
Handle = Annotated[str, _argument("HANDLE", "The session's handle, as `sessions` shows it.")]
Level = Annotated[str | None, _argument("LEVEL[,AREAS]", "Hexadecimal bits, such as 0xf,0xc82000.")]
Pairs = Annotated[list[str] | None, _argument("NAME=VALUE...", "Variables to set.")]


@app.callback()
def ctl(
    context: typer.Context,
    socket: Annotated[
        Path, typer.Option(metavar="PATH", envvar="CHISCSI_CONTROL", help="The target's control socket.")
    ] = Path("/run/chiscsi.sock"),
    text: Annotated[
        bool, typer.Option("--text", help="Show targets, sessions and variables as iscsictl does.", show_default=False)
    ] = False,
) -> None:
    """Remember where the target listens, and how its answers are shown."""
    context.obj = socket
    context.meta[_AS_TEXT] = text


def _ask(context: typer.Context, method: str, as_json: bool, view: str = "", **params: object) -> None:
    """Have the target carry out a method, and show the answer; ends the program."""
    from conformance.ctl_client import run

    as_text = context.meta[_AS_TEXT]
    raise typer.Exit(run(context.obj, method, params, view or method, as_json=as_json, as_text=as_text))


@app.command()
def version(context: typer.Context, as_json: Json = False) -> None:
    """Say which program and version answers."""
    _ask(context, "version", as_json)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the targets."""
    _ask(context, "list", as_json)


@app.command()
def show(context: typer.Context, target: Target, key: Key = None, as_json: Json = False) -> None:
    """Show a target's configuration; secrets are hidden."""
    view = f"show {key}" if key else "show"
    _ask(context, "show", as_json, view, target=target, key=key)


@app.command()
def add(context: typer.Context, file: ConfigurationPath, targets: SomeNames = None, as_json: Json = False) -> None:
    """Start the targets of a configuration file, or bring them up to date."""
    _ask(context, "add", as_json, file=str(file.absolute()), targets=targets or None)


@app.command()
def reload(context: typer.Context, file: ConfigurationPath, targets: SomeNames = None, as_json: Json = False) -> None:
    """Bring the running targets of a configuration file up to date; the others are ignored."""
    _ask(context, "reload", as_json, file=str(file.absolute()), targets=targets or None)


@app.command()
def remove(context: typer.Context, targets: Names, as_json: Json = False) -> None:
    """Stop and remove targets, with their sessions."""
    _ask(context, "remove", as_json, targets=None if targets == ["ALL"] else targets)


@app.command()
def flush(context: typer.Context, target: AnyTarget = None, lun: Lun = None, as_json: Json = False) -> None:
    """Have accepted writes brought to stable storage."""
    _ask(context, "flush", as_json, target=target, lun=lun)


@app.command()
def sessions(
    context: typer.Context, target: AnyTarget = None, initiator: Initiator = None, as_json: Json = False
) -> None:
    """Show sessions and their connections."""
    _ask(context, "sessions", as_json, target=target, initiator=initiator)


@app.command()
def drop(context: typer.Context, handle: Handle, as_json: Json = False) -> None:
    """Close a session."""
    try:
        number = int(handle, 0)
    except ValueError:
        raise typer.BadParameter(f"{handle!r} is no number", param_hint="HANDLE") from None
    _ask(context, "drop_session", as_json, hndl=number)


@app.command()
def statistics(context: typer.Context, as_json: Json = False) -> None:
    """Show what went through each portal and each session."""
    _ask(context, "statistics", as_json)


@app.command()
def adapter(context: typer.Context, as_json: Json = False) -> None:
    """Show the emulated Terminator: its page pods, and what it did for each connection."""
    _ask(context, "adapter", as_json)


@app.command()
def verbosity(context: typer.Context, level: Level = None, as_json: Json = False) -> None:
    """Show or set what the target prints of its log."""
    _ask(context, "verbosity", as_json, level=level)


@app.command("globals")
def globals_(context: typer.Context, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show the global variables, or set some."""
    if not pairs:
        _ask(context, "get_globals", as_json, "globals")
    values = dict(pair.partition("=")[::2] for pair in pairs or [] if "=" in pair)
    if len(values) != len(pairs or []):
        raise typer.BadParameter("each has to be NAME=VALUE, once", param_hint="NAME=VALUE")
    _ask(context, "set_globals", as_json, "globals", values=values)


@app.command()
def write(context: typer.Context, file: ConfigurationPath, as_json: Json = False) -> None:
    """Write the variables and the running targets to a configuration file."""
    _ask(context, "write_configuration", as_json, file=str(file.absolute()))
