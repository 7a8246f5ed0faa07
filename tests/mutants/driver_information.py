"""Faults of what drivers are told when they ask (guide chapter 8; behaviour file, 1.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chiscsi_target import information
from chiscsi_target.api import chiscsi_target_info, iscsi_conn_settings
from chiscsi_target.core.session_keys import SessionKeys
from chiscsi_target.engine.completions import Completions
from chiscsi_target.information import Information
from chiscsi_target.quirks import Quirks
from tests.mutants.planting import Original, Plant, mutant

_CONFIGURED = " ".join(
    f"drv-info-01.{key}"
    for key in (
        "alias connections r2t immediate first-burst max-burst outstanding times digests receive group commands acl"
        " isns chap mutual challenge"
    ).split()
)


# Targets


@mutant("guide, 8.1", f"{_CONFIGURED} drv-info-02.ACL")
def targets_are_described_by_defaults(plant: Plant) -> None:
    """A target's information has its name, and else what a target is without any configuration."""
    plant.replace(information, "_describe_target", lambda node, *_: chiscsi_target_info(name=node.name))


@mutant("behaviour file, 1.8", "drv-info-02")
def order_of_authentication_is_not_told(plant: Plant) -> None:
    """auth_order is 0 for both orders."""
    plant.replace(information, "_AUTH_ORDERS", {"ACL": 0, "CHAP": 0})


@mutant("behaviour file, 1.8", "drv-info-03")
def unknown_targets_are_invalid(plant: Plant) -> None:
    """A target that is not named or does not exist is -EINVAL."""

    def ask(original: Original, self: Information, name: Any, info: Any) -> int:
        return -26 if original(self, name, info) else 0

    plant.wrap(Information, "chiscsi_get_target_info", ask)


# Sessions


def _alter_session(plant: Plant, **fields: Any) -> None:
    """Have sessions described with other values."""

    def describe(original: Original, session: Any) -> Any:
        return replace(original(session), **fields)

    plant.wrap(information, "_describe_session", describe)


@mutant("guide, 8.2", "drv-info-04")
def sessions_have_what_the_target_wanted(plant: Plant) -> None:
    """A session's settings are the target's, whatever was negotiated."""

    def describe(original: Original, session: Any) -> Any:
        wishes = SessionKeys.of(information._values(session.node.own))
        return replace(original(session), sess_keys=information._session_settings(wishes))

    plant.wrap(information, "_describe_session", describe)


@mutant("guide, 8.2", "drv-info-05")
def sessions_have_no_tsih(plant: Plant) -> None:
    """A session's TSIH is shown as 0."""
    _alter_session(plant, tsih=0)


@mutant("behaviour file, 1.8", "drv-info-06")
def last_cmd_sn_is_not_told(plant: Plant) -> None:
    """cmdsn stays 0, as in release 3.14."""
    _alter_session(plant, cmdsn=0)


@mutant("guide, 8.2", "drv-info-07.guide")
def sessions_are_never_more_than_asked_for(plant: Plant) -> None:
    """The number of sessions returned is that of the structures filled, with the quirk off as well."""
    _ask_with(plant, session_info_capped=True)


@mutant("behaviour file, 11", "drv-info-07.capped")
def all_sessions_are_counted_in_release_3_14(plant: Plant) -> None:
    """The number of sessions returned is their total, with the quirk on as well."""
    _ask_with(plant, session_info_capped=False)


def _ask_with(plant: Plant, **switches: bool) -> None:
    def ask(original: Original, self: Information, *arguments: Any) -> Any:
        kept = self.directory.quirks
        self.directory.quirks = Quirks(**switches)
        try:
            return original(self, *arguments)
        finally:
            self.directory.quirks = kept

    plant.wrap(Information, "chiscsi_get_session_info", ask)
    plant.wrap(Information, "chiscsi_get_connection_info", ask)


@mutant("guide, 8.2", "drv-info-08")
def sessions_of_all_initiators_are_told(plant: Plant) -> None:
    """The initiator's name is not looked at."""

    def ask(original: Original, self: Information, target: Any, initiator: Any, *rest: Any) -> Any:
        return original(self, target, None, *rest)

    plant.wrap(Information, "chiscsi_get_session_info", ask)


@mutant("behaviour file, 1.8", "drv-info-09")
def wrong_questions_have_no_answer(plant: Plant) -> None:
    """Where -EINVAL is due, there are simply no sessions."""

    def ask(original: Original, self: Information, *arguments: Any) -> int:
        return max(0, int(original(self, *arguments)))

    plant.wrap(Information, "chiscsi_get_session_info", ask)


@mutant("behaviour file, 1.8", "drv-info-10")
def sessions_are_described_after_their_end(plant: Plant) -> None:
    """A handle that is no longer in use is described as an empty session."""

    def ask(original: Original, self: Information, *arguments: Any) -> int:
        original(self, *arguments)
        return 0

    plant.wrap(Information, "chiscsi_get_one_session_info", ask)


@mutant("behaviour file, 9.1", "drv-info-11")
def first_connection_comes_late(plant: Plant) -> None:
    """While fp_session_added runs, the session has no connection yet."""
    plant.replace(information, "_connections", lambda session: list(session.connections.values()))


# Connections


def _alter_connection(plant: Plant, **fields: Any) -> None:
    """Have connections described with other values."""

    def describe(original: Original, *arguments: Any) -> Any:
        return replace(original(*arguments), **fields)

    plant.wrap(information, "_describe_connection", describe)


@mutant("guide, 8.3", "drv-info-12")
def connections_have_default_settings(plant: Plant) -> None:
    """A connection's settings are those before any negotiation."""
    _alter_connection(plant, conn_keys=iscsi_conn_settings())


@mutant("behaviour file, 1.8", "drv-info-13.guide")
def connections_show_the_adapters_number(plant: Plant) -> None:
    """cid is the number of the connection in the adapter, with the quirk off as well."""
    _ask_with(plant, cid_is_tid=True)


@mutant("behaviour file, 11", "drv-info-13.tid")
def connections_show_their_cid_in_release_3_14(plant: Plant) -> None:
    """cid is the CID, with the quirk on as well."""
    _ask_with(plant, cid_is_tid=False)


@mutant("behaviour file, 1.8", "drv-info-14")
def any_index_names_a_connection(plant: Plant) -> None:
    """An index that is out of range means the first connection."""

    def ask(original: Original, self: Information, handle: int, index: int, info: Any) -> Any:
        return original(self, handle, index, info) and original(self, handle, 0, info)

    plant.wrap(Information, "chiscsi_get_connection_info", ask)


@mutant("guide, 8.3", "drv-info-15")
def status_numbers_are_those_of_the_login(plant: Plant) -> None:
    """statsn and expstatsn do not move."""
    _alter_connection(plant, statsn=1, expstatsn=1)


# Commands


@mutant("guide, 7.3.5.5", "drv-info-16")
def commands_are_dumped_by_their_tag(plant: Plant) -> None:
    """A dump says which command it is, and nothing else."""

    def dump(original: Original, self: Completions, scmd: Any) -> None:
        self._worker.log(2, f"chiscsi_scsi_command: itt 0x{scmd.sc_itt:x}")

    plant.wrap(Completions, "command_dump", dump)
