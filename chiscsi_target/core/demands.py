"""What a login has to show, by its target's configuration and its driver (guide 5.1.4, behaviour file, 2.3)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chiscsi_target.api.chap_info import (
    CHAP_FLAG_LOCAL_NAME_VALID,
    CHAP_FLAG_LOCAL_SECRET_VALID,
    CHAP_FLAG_MUTUAL_REQUIRED,
    CHAP_FLAG_REMOTE_NAME_VALID,
    CHAP_FLAG_REMOTE_SECRET_VALID,
    chap_info,
)
from chiscsi_target.api.target_class import has_hook
from chiscsi_target.core.agenda import WARNING
from chiscsi_target.core.authentication import CHAP, METHODS, Demands
from chiscsi_target.core.chap import ChapTerms, Credentials
from chiscsi_target.core.chap_secrets import SECRET_LENGTHS, ChapConfig, Secret
from chiscsi_target.errors import LoginFailure
from iscsi_wire.chap import ALGORITHMS, MD5, SHA1, Algorithm
from iscsi_wire.constants import LoginStatus
from iscsi_wire.text import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.login_identity import LoginIdentity
    from chiscsi_target.core.registry import Registry

# Release 3.14 knows two algorithms, and the second under a number that the registry gives to SHA-256.
_OF_RELEASE_3_14: Mapping[int, Algorithm] = {5: MD5, 7: SHA1}


def demands_of(identity: LoginIdentity, registry: Registry, agenda: Agenda) -> Demands:
    """What a login to a target, or a discovery session, has to show.

    Discovery sessions go by the `DISC_*` variables, whichever target they name, and no driver is asked.
    """
    node, settings = identity.node, registry.globals
    if identity.discovery or node is None:
        methods, chap, hook = settings.discovery_auth_methods, settings.discovery_chap, False
    else:
        methods, chap, hook = node.auth_methods, node.chap, has_hook(node.target_class, "fp_chap_info_get")
    possible = {NONE: True, CHAP: hook or chap.configured}
    terms = ChapTerms(
        algorithms=_algorithms(chap.algorithms or settings.chap_algorithms, agenda),
        challenge_length=chap.challenge_length,
        challenges=registry.challenges,
        look_up=partial(_ask_driver, identity, chap, agenda) if hook else partial(_configured, chap),
        own_order=chap.own_order,
        base64=agenda.quirks.chap_base64_challenge,
    )
    usable = tuple(method for method in methods if method in METHODS and possible[method])
    return Demands(usable, NONE not in methods, terms)


def _algorithms(numbers: tuple[int, ...], agenda: Agenda) -> Mapping[int, Algorithm]:
    if agenda.quirks.chap_sha1_as_7:
        return _OF_RELEASE_3_14
    return {number: ALGORITHMS[number] for number in numbers}


def _configured(chap: ChapConfig, name: str) -> Credentials:
    """Look an initiator up in the configuration."""
    secret = chap.initiators.get(name)
    local_name, local_secret = chap.target or (None, None)
    return Credentials(
        None if secret is None else Secret(secret),
        local_name,
        None if local_secret is None else Secret(local_secret),
        chap.mutual,
    )


def _ask_driver(identity: LoginIdentity, chap: ChapConfig, agenda: Agenda, name: str) -> Credentials:
    """Have `fp_chap_info_get` called; the configured pairs are not looked at then.

    Raises:
        LoginFailure: the hook failed.
    """
    info = chap_info(flag=CHAP_FLAG_REMOTE_NAME_VALID, remote_name=name)
    agenda.call_chap_info_get(identity, info)
    try:
        return _of_driver(info, chap, agenda)
    except (TypeError, AttributeError):
        # Without the exception's own words: they might show a value.
        agenda.log(WARNING, "fp_chap_info_get left a chap_info with fields of a wrong type.")
        raise LoginFailure(LoginStatus.TARGET_ERROR, "the driver's chap_info cannot be used", "11.13.5") from None


def _of_driver(info: chap_info, chap: ChapConfig, agenda: Agenda) -> Credentials:
    cut = _cut_at_null if agenda.quirks.chap_secret_as_string else _cut_to_length
    remote = local = None
    if info.flag & CHAP_FLAG_REMOTE_SECRET_VALID:
        remote = _checked("remote", cut(info.remote_secret, info.remote_secret_length), agenda)
    if info.flag & CHAP_FLAG_LOCAL_SECRET_VALID:
        local = _checked("local", cut(info.local_secret, info.local_secret_length), agenda)
    name = _text(info.local_name) if info.flag & CHAP_FLAG_LOCAL_NAME_VALID else None
    return Credentials(remote, name, local, chap.mutual or bool(info.flag & CHAP_FLAG_MUTUAL_REQUIRED))


def _text(name: str | bytes) -> str:
    """A CHAP name; as octets, which is what the guide's array holds, it ends at the first null."""
    return name if isinstance(name, str) else bytes(name).split(b"\0")[0].decode(errors="surrogateescape")


def _cut_to_length(secret: bytes, length: int) -> Secret:
    """The secret as `chap_info` says how long it is; a length beyond the octets leaves none that can be used."""
    return Secret(secret[:length] if 0 <= length <= len(secret) else b"")


def _cut_at_null(secret: bytes, length: int) -> Secret:
    """The secret as release 3.14 takes it: a C string of at most 16 octets."""
    return Secret(secret[:16].split(b"\0")[0])


def _checked(side: str, secret: Secret, agenda: Agenda) -> Secret | None:
    if len(secret) in SECRET_LENGTHS:
        return secret
    agenda.log(WARNING, f"fp_chap_info_get: the {side} secret is not of 12 to 16 octets, as its length says.")
    return None
