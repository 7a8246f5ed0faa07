"""The command line `chiscsi`. Only options and help are here: what a command does is imported when it is called."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from conformance import ctl

app = typer.Typer(
    name="chiscsi",
    help="iSCSI conformance and test-harness toolkit with a complete target.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help is there in half the time, and fits any terminal.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(ctl.app)


class Way(StrEnum):
    """How the embedded target is reached."""

    TCP = "tcp"
    MEMORY = "memory"
    CARD = "card"


def _flag(*names: str, text: str, value: str | None = None) -> typer.models.OptionInfo:
    """An option whose default says nothing, so help does not show it; `value` is what help calls its value."""
    info: typer.models.OptionInfo = typer.Option(*names, help=text, metavar=value, show_default=False)
    return info


def _amount(text: str, least: float) -> typer.models.OptionInfo:
    """A number of seconds."""
    info: typer.models.OptionInfo = typer.Option(metavar="SECONDS", help=text, min=least)
    return info


Url = Annotated[
    str,
    typer.Argument(
        metavar="[iscsi://HOST[:PORT]/IQN[/LUN]]",
        help="The target to judge. Without it, the embedded one.",
        show_default=False,
    ),
]
Suites = Annotated[list[str] | None, _flag("--suite", value="SUITE", text="Only this suite.")]
Cases = Annotated[list[str] | None, _flag("--case", value="ID", text="Only the case with this identifier.")]
Requirements = Annotated[
    list[str] | None,
    _flag(
        "--requirement",
        value="ID|SECTION",
        text="Only cases of this requirement, or of a section with all below it: 7143-4.2.2.",
    ),
]
Levels = Annotated[
    list[str] | None, _flag("--level", value="LEVEL", text="Only cases whose rule is of this level: MUST.")
]
Keyword = Annotated[
    str, _flag("-k", value="EXPR", text="Only cases whose name or identifier matches, as with pytest's -k.")
]
List = Annotated[bool, _flag("--list", text="Show the cases instead of running them.")]
Json = Annotated[bool, _flag("--json", text="Show as JSON.")]
Workers = Annotated[
    str, _flag("--workers", "-n", value="N|auto", text="Processes to spread the cases over: a number, or auto.")
]
Transport = Annotated[
    Way,
    typer.Option(
        help="How the embedded target is reached: tcp; memory, with a fake clock; card, by crafted TCP segments."
    ),
]
LinkTo = Annotated[
    str,
    _flag(
        "--link",
        value="NAME=VALUE,...",
        text="What befalls packets to the card: loss, duplicate, reorder (rates), delay, reorder_by (seconds), seed.",
    ),
]
Profile = Annotated[
    str, _flag("--profile", value="NAME|PATH", text="The target's known deviations: a shipped profile, or a TOML file.")
]
DataLoss = Annotated[bool, _flag("--allow-data-loss", text="Let cases write to the target's LUN.")]
InitiatorName = Annotated[
    str, _flag("--initiator-name", value="NAME", text="Log in under this name, where a target knows its initiators.")
]
User = Annotated[
    str, _flag("--user", value="NAME", text="Log in with CHAP under this name; the secret is in CHISCSI_PASSWORD.")
]
TargetUser = Annotated[
    str,
    _flag("--target-user", value="NAME", text="CHAP name of the target; its secret is in CHISCSI_TARGET_PASSWORD."),
]
Patience = Annotated[float, _amount("How long an answer may take.", 0.01)]
TimeLimit = Annotated[float, _amount("How long a case may take.", 0.1)]
Reconnect = Annotated[float, _amount("How long to wait for a target that died.", 0.0)]
Revive = Annotated[str, _flag("--revive", value="COMMAND", text="Shell command that restarts a target that died.")]
Driver = Annotated[
    list[str] | None,
    _flag(
        "--driver",
        value="PACKAGE.MODULE:NAME[,OPTION=VALUE...]",
        text="A storage driver's LUN class or target class, or a function that makes them. Repeatable.",
    ),
]
Quirk = Annotated[
    list[str] | None,
    _flag("--quirk", value="NAME", text="Do as release 3.14 of the module in this, or `release-3.14`. Repeatable."),
]
Offload = Annotated[
    str,
    _flag(
        "--offload",
        value="off|auto|nic|ulp|crc",
        text="Which connections run over the emulated Terminator: none, those of drivers, or all, and how.",
    ),
]
Segments = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="In memory, have what is sent reach the embedded target N octets at a time.",
        min=0,
        show_default=False,
    ),
]
Out = Annotated[str, _flag("--out", value="DIR", text="Directory for the reports (default: reports/out/<run>).")]
First = Annotated[bool, _flag("--exitfirst", "-x", text="Stop at the first case that does not end well.")]
Factory = Annotated[str, typer.Option("--embedded-factory", hidden=True)]
OtherSuites = Annotated[str, typer.Option("--suites", hidden=True)]


@app.command()
def conform(
    url: Url = "",
    suite: Suites = None,
    case: Cases = None,
    requirement: Requirements = None,
    level: Levels = None,
    keyword: Keyword = "",
    show: List = False,
    as_json: Json = False,
    workers: Workers = "",
    transport: Transport = Way.TCP,
    link: LinkTo = "",
    profile: Profile = "",
    allow_data_loss: DataLoss = False,
    initiator_name: InitiatorName = "",
    user: User = "",
    target_user: TargetUser = "",
    driver: Driver = None,
    quirk: Quirk = None,
    offload: Offload = "auto",
    segments: Segments = 0,
    patience: Patience = 5.0,
    time_limit: TimeLimit = 30.0,
    reconnect: Reconnect = 5.0,
    revive: Revive = "",
    out: Out = "",
    exitfirst: First = False,
    factory: Factory = "conformance.embedded:start",
    suites: OtherSuites = "",
) -> None:
    """Judge a target by RFC 7143, and leave a report.

    Exit code: 0 no deviation; 1 a case failed, was inconclusive, or contradicts the profile;
    2 a wrong option, address or profile, or nobody answers; 3 no case was judged; 4 the harness
    itself failed; 130 interrupted.
    """
    wishes = dict(locals())
    from conformance.harness.conform import main as run

    sys.exit(run(wishes))


@app.command()
def serve(
    portal: Annotated[
        list[str] | None,
        _flag(
            "--portal",
            value="ADDR:PORT",
            text="ADDR:PORT to listen on; port 0 is any free one (default: 127.0.0.1:3260). Repeatable.",
        ),
    ] = None,
    iqn: Annotated[str, typer.Option(help="The target's name.")] = "iqn.2026-11.org.chiscsi:disk",
    mem: Annotated[
        list[str] | None, _flag("--mem", value="SIZE", text="A disk in memory of this size, such as 256M. Repeatable.")
    ] = None,
    null: Annotated[
        list[str] | None, _flag("--null", value="SIZE", text="A disk of this size that keeps no data. Repeatable.")
    ] = None,
    file: Annotated[
        list[str] | None, _flag("--file", value="PATH", text="A file, or a block device, as a disk. Repeatable.")
    ] = None,
    driver: Driver = None,
    quirk: Quirk = None,
    config: Annotated[
        str, _flag("--config", value="FILE", text="Serve what a configuration file describes: any number of targets.")
    ] = "",
    user: Annotated[
        str,
        _flag("--user", value="NAME", text="Let nobody in but this CHAP name; the secret is in CHISCSI_PASSWORD."),
    ] = "",
    target_user: TargetUser = "",
    control: Annotated[
        str, _flag("--control", value="PATH", text="Listen for `chiscsi ctl` on a Unix socket at PATH.")
    ] = "",
    offload: Offload = "auto",
    trace: Annotated[
        list[str] | None,
        _flag("--trace", value="offload", text="Print each message between host and Terminator. Repeatable."),
    ] = None,
) -> None:
    """Export disks to iSCSI initiators, until SIGINT or SIGTERM.

    The logical units are numbered from 0 in the order of --mem, --file and --null; options may follow each, such as
    PATH,ro or 256M,removable (see the configuration reference, TargetDevice). Prints an iscsi://ADDR:PORT/IQN/LUN
    for each, then `ready`. With --config, SIGHUP has the file read again. Exit code: 0 after a clean shutdown;
    2 when this cannot be served.
    """
    from conformance.serve import main as run
    from conformance.serve_options import Options, disks_in_order

    disks = disks_in_order(sys.argv)
    wishes = Options(
        portals=portal or [],
        iqn=iqn,
        disks=disks,
        drivers=driver or [],
        quirks=quirk or [],
        config=config,
        user=user,
        target_user=target_user,
        control=control,
        offload=offload,
        traces=trace or [],
    )
    sys.exit(run(wishes))


@app.command()
def explore(
    scenario: Annotated[
        list[str] | None, _flag("--scenario", value="NAME", text="Only this scenario. Repeatable; --list shows them.")
    ] = None,
    depth: Annotated[
        int | None, _flag("--depth", value="N", text="Run all schedules of up to this many choices.")
    ] = None,
    walks: Annotated[int, typer.Option(metavar="N", min=0, help="Random schedules behind that, a scenario.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="What the random schedules come from.")] = 1,
    seconds: Annotated[
        float | None, _flag("--time", value="SECONDS", text="For all scenarios together (default: 60).")
    ] = 60.0,
    workers: Annotated[int, typer.Option("--workers", "-n", metavar="N", min=1, help="Processes.")] = 1,
    replay: Annotated[
        str, _flag("--replay", value="SCENARIO:1.4.0", text="Tell the story of one schedule, by its number.")
    ] = "",
    show: Annotated[bool, _flag("--list", text="Show the scenarios instead of running them.")] = False,
) -> None:
    """Run our target through every order of events that a scenario allows, and check it step by step.

    Exit code: 0 no invariant is violated; 1 one is; 2 a wrong option or number; 130 interrupted.
    """
    wishes = dict(locals())
    from conformance.schedules.command import main as run

    sys.exit(run(wishes))


@app.command()
def requirements(
    section: Annotated[
        list[str] | None, _flag("--section", value="SECTION", text="Only this section with all below it: 4.2.2.")
    ] = None,
    level: Annotated[list[str] | None, _flag("--level", value="LEVEL", text="Only this level: MUST.")] = None,
    topic: Annotated[list[str] | None, _flag("--topic", value="TOPIC", text="Only this topic: cmdsn.")] = None,
    uncovered: Annotated[
        bool, _flag("--uncovered", text="Only what an initiator could check of a target, and no case does.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the requirement catalogue, and which cases check what."""
    wishes = dict(locals())
    from conformance.harness.listing import requirements as show

    sys.exit(show(wishes))


def main() -> None:
    """Entry point of the program."""
    app()


if __name__ == "__main__":
    main()
