"""fp_chap_info_get: not called, called wrongly, or its answer taken wrongly (guide 5.1.4 and 7.3.1.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chiscsi_target.api import chap_info
from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.core import chap, demands, login
from chiscsi_target.core.agenda import Agenda
from chiscsi_target.core.challenges import Challenges
from chiscsi_target.core.chap import Chap, Credentials
from chiscsi_target.core.chap_secrets import Secret
from chiscsi_target.engine import worker
from chiscsi_target.errors import LoginFailure
from iscsi_wire.chap import ALGORITHMS, SHA1
from tests.mutants.planting import Original, Plant, mutant


def _answers(plant: Plant, change: Any) -> None:
    """Have `change(info)` alter what the driver has filled in."""

    def ask(original: Original, agenda: Agenda, identity: Any, info: chap_info) -> None:
        original(agenda, identity, info)
        change(info)

    plant.wrap(worker, "chap_info_get", ask)


def _credentials(plant: Plant, change: Any) -> None:
    """Have `change(known, info)` alter what the stack makes of the driver's answer."""

    def take(original: Original, info: chap_info, *rest: Any) -> Credentials:
        result: Credentials = change(original(info, *rest), info)
        return result

    plant.wrap(demands, "_of_driver", take)


@mutant(
    "guide, 5.1.4",
    "drv-chap-01 drv-chap-02 drv-chap-05 drv-chap-06 drv-chap-07 drv-chap-09 drv-chap-10.with-the-hook drv-chap-12",
)
def driver_is_not_asked_for_secrets(plant: Plant) -> None:
    """The configured pairs are used even where the driver has a hook."""
    plant.replace(demands, "_ask_driver", lambda identity, config, agenda, name: demands._configured(config, name))
    plant.wrap(demands, "_configured", lambda original, config, name: Credentials(Secret(b"secret-of-user1")))


@mutant("guide, 7.3.1.3", "drv-chap-01")
def name_is_not_told_to_the_driver(plant: Plant) -> None:
    """The driver gets a chap_info without the CHAP_N that came."""

    def ask(original: Original, agenda: Agenda, identity: Any, info: chap_info) -> None:
        info.remote_name, info.flag = "", 0
        original(agenda, identity, info)

    plant.wrap(worker, "chap_info_get", ask)


@mutant("guide, 7.3.1.3", "drv-chap-02")
def driver_is_asked_before_the_challenge(plant: Plant) -> None:
    """The driver is asked as soon as CHAP_A has come."""

    def new_identifier(original: Original, self: Any) -> int:
        for look_up in asked:
            look_up("user")
        result: int = original(self)
        return result

    asked: list[Any] = []

    def begin(original: Original, self: Chap, terms: Any) -> None:
        original(self, terms)
        asked[:] = [terms.look_up]

    plant.wrap(Chap, "__init__", begin)
    plant.wrap(Challenges, "new_identifier", new_identifier)


@mutant("guide, 7.3.1.3", "drv-chap-03")
def flags_of_the_initiators_secret_are_not_read(plant: Plant) -> None:
    """The secret counts even where the driver does not call it valid."""
    _credentials(plant, lambda known, info: replace(known, remote_secret=Secret(info.remote_secret)))


@mutant("behaviour file, 2.3", "drv-chap-04.short drv-chap-04.long")
def secrets_of_any_length_are_used(plant: Plant) -> None:
    """Secrets shorter than 12 octets and longer than 16 open as well."""
    everything = range(256)
    plant.replace(demands, "SECRET_LENGTHS", everything)
    plant.replace(chap, "SECRET_LENGTHS", everything)


@mutant("behaviour file, 2.3", "drv-chap-04.beyond-the-field")
def length_beyond_the_field_is_cut(plant: Plant) -> None:
    """A length beyond the octets of the secret is taken for their number."""
    _answers(plant, lambda info: setattr(info, "remote_secret_length", min(16, info.remote_secret_length)))


@mutant("guide, 5.1.4", "drv-chap-05 drv-chap-14.guide")
def secrets_end_at_a_null(plant: Plant) -> None:
    """The length of a secret is not read."""
    plant.replace(demands, "_cut_to_length", demands._cut_at_null)


@mutant("guide, 7.3.1.3", "drv-chap-06")
def failed_hook_means_unknown(plant: Plant) -> None:
    """A hook that raises counts as one that does not know the name."""

    def ask(original: Original, agenda: Agenda, identity: Any, info: chap_info) -> None:
        try:
            original(agenda, identity, info)
        except LoginFailure:
            info.flag = 0

    plant.wrap(worker, "chap_info_get", ask)


@mutant("guide, 7.3.1.3", "drv-chap-07 drv-chap-09")
def targets_side_is_not_taken(plant: Plant) -> None:
    """Local name and secret of the driver are forgotten."""
    _credentials(plant, lambda known, info: replace(known, local_name=None, local_secret=None))


@mutant("guide, 7.3.1.3", "drv-chap-08.nothing drv-chap-08.name drv-chap-08.secret")
def flags_of_the_targets_side_are_not_read(plant: Plant) -> None:
    """Local name and secret count even where the driver does not call them valid."""
    _credentials(
        plant, lambda known, info: replace(known, local_name=info.local_name, local_secret=Secret(info.local_secret))
    )


@mutant("guide, 7.3.1.3", "drv-chap-09")
def demand_for_mutual_authentication_is_forgotten(plant: Plant) -> None:
    """CHAP_FLAG_MUTUAL_REQUIRED is not read."""
    _credentials(plant, lambda known, info: replace(known, mutual_required=False))


@mutant("behaviour file, 2.3", "drv-chap-10.without-it")
def configured_pairs_are_not_looked_at(plant: Plant) -> None:
    """Auth_CHAP_Initiator opens nothing."""
    plant.replace(demands, "_configured", lambda config, name: Credentials())


@mutant("behaviour file, 2.3", "drv-chap-11")
def discovery_demands_nothing(plant: Plant) -> None:
    """DISC_AuthMethod=CHAP lets everybody in."""

    def demand(original: Original, identity: Any, *rest: Any) -> Any:
        wanted = original(identity, *rest)
        return replace(wanted, demanded=False) if identity.discovery else wanted

    plant.wrap(login, "demands_of", demand)


@mutant("behaviour file, 2.3", "drv-chap-13.wrong-response")
def failed_authentication_is_no_event(plant: Plant) -> None:
    """Nobody is told that an initiator did not prove itself."""
    plant.replace(login, "tell_of_refusal", lambda *arguments: None)


@mutant("behaviour file, 2.3", "drv-chap-13.right-response")
def every_login_is_a_failed_authentication(plant: Plant) -> None:
    """The event for a failed authentication comes with each secret that is asked for."""

    def ask(original: Original, agenda: Agenda, identity: Any, info: chap_info) -> None:
        original(agenda, identity, info)
        agenda.event(chiscsi_event.AUTHENTICATION_FAILURE, f"Initiator={identity.initiator_name}")

    plant.wrap(worker, "chap_info_get", ask)


@mutant("behaviour file, 2.3", "drv-chap-14.release-3-14")
def secrets_as_strings_have_no_switch(plant: Plant) -> None:
    """The length of a secret is read even when release 3.14 is to be followed."""
    plant.replace(demands, "_cut_at_null", demands._cut_to_length)


@mutant("behaviour file, 2.3", "drv-chap-15.release-3-14")
def sha1_as_7_has_no_switch(plant: Plant) -> None:
    """Algorithm 7 is SHA-256 even when release 3.14 is to be followed."""
    plant.replace(demands, "_OF_RELEASE_3_14", ALGORITHMS)


@mutant("12.1.3", "drv-chap-15.registry")
def algorithm_7_is_always_sha1(plant: Plant) -> None:
    """Algorithm 7 is SHA-1, whatever the registry says."""
    plant.replace(demands, "ALGORITHMS", {**ALGORITHMS, 7: SHA1})
