"""CHAP at login (RFC 7143 section 12.1.3): what an initiator says, with every part open to be something else.

An `Account` is enough for an ordinary login: `initiator.login(account=...)`. A script that provokes takes a `Chap`, the
exchange step by step: `agree` on the method, `ask` for a challenge, `answer` it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from initiator_sim.evidence import Received
from initiator_sim.outcomes import HarnessFault
from iscsi_wire.chap import ALGORITHMS, MD5, Secret
from iscsi_wire.constants import LoginStage
from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS
from iscsi_wire.text import format_binary

if TYPE_CHECKING:
    from initiator_sim.login import Login, LoginResult
    from initiator_sim.negotiation import Pairs

_CHALLENGE_LENGTH = 16
"""Octets of this side's challenges, as many as an MD5 response has."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who the initiator is to the target, and the other way round. Secrets are not shown.

    Attributes:
        name: the initiator's CHAP_N.
        secret: its secret.
        target_name: the CHAP_N that the target has to give; empty for any.
        target_secret: the target's secret; None if the target need not prove anything.
        algorithms: what CHAP_A offers, in order.
        base64: whether binary values are sent as base64-constants rather than hex-constants.
    """

    name: str
    secret: bytes = field(repr=False)
    target_name: str = ""
    target_secret: bytes | None = field(default=None, repr=False)
    algorithms: tuple[int, ...] = (MD5.number,)
    base64: bool = False

    def __post_init__(self) -> None:
        """Keep secrets out of sight."""
        object.__setattr__(self, "secret", Secret(self.secret))
        if self.target_secret is not None:
            object.__setattr__(self, "target_secret", Secret(self.target_secret))

    @property
    def mutual(self) -> bool:
        """Whether the target has to prove who it is."""
        return self.target_secret is not None


class Chap:
    """One CHAP exchange, in the security stage of `login`.

    Attributes:
        account: whose it is.
        algorithm, identifier, challenge: what the target chose and sent; set by `ask`.
        own_identifier, own_challenge: what this side challenges the target with.
    """

    def __init__(self, login: Login, account: Account) -> None:
        self.login = login
        self.account = account
        self.algorithm = MD5
        self.identifier = 0
        self.challenge = b""
        self.own_identifier = secrets.randbelow(256)
        self.own_challenge = secrets.token_bytes(_CHALLENGE_LENGTH)

    # ---- the steps

    def agree(self, names: Mapping[str, str], methods: str = "CHAP", **step: Any) -> LoginResult:
        """Send the login's first request: who is there, and AuthMethod.

        Args:
            names: the keys that say who wants to reach what.
            methods: the value of AuthMethod.
            step: see `Login.step`.
        """
        arguments: dict[str, Any] = {
            "csg": LoginStage.SECURITY_NEGOTIATION,
            "transit": 0,
            "keys": {**names, "AuthMethod": methods},
        }
        return self.login.step(**(arguments | step))

    def ask(self, algorithms: Sequence[object] | None = None, **step: Any) -> LoginResult:
        """Send CHAP_A, and take in the challenge that answers it.

        Args:
            algorithms: what to offer; the account's if None.
            step: see `Login.step`.

        Raises:
            ExpectationFailed: the target goes on without a challenge.
        """
        offered = ",".join(map(str, self.account.algorithms if algorithms is None else algorithms))
        arguments: dict[str, Any] = {"csg": LoginStage.SECURITY_NEGOTIATION, "transit": 0, "keys": {"CHAP_A": offered}}
        result = self.login.step(**(arguments | step))
        if result.status == 0:
            self._take_challenge(result)
        return result

    def answer(
        self,
        *,
        secret: bytes | None = None,
        mutual: bool | None = None,
        omit: Collection[str] = (),
        extra: Sequence[tuple[str, str]] = (),
        step: Mapping[str, Any] | None = None,
        **keys: str,
    ) -> LoginResult:
        """Send CHAP_N and CHAP_R, for mutual authentication CHAP_I and CHAP_C, and judge what the target proves.

        Args:
            secret: the secret to compute CHAP_R with; the account's if None.
            mutual: whether to challenge the target; as the account says if None.
            omit: keys not to send.
            extra: pairs to add at the end.
            step: arguments of `Login.step`, such as `transit` or a header field.
            keys: values to send instead of the right ones: `CHAP_R="0x00"`.

        Raises:
            ExpectationFailed: the target does not prove who it is, although it was challenged and lets us in.
        """
        mutual = self.account.mutual if mutual is None else mutual
        right = {"CHAP_N": self.account.name, "CHAP_R": self.text(self.response(secret))}
        if mutual:
            right |= {"CHAP_I": str(self.own_identifier), "CHAP_C": self.text(self.own_challenge)}
        pairs = [pair for pair in (right | keys).items() if pair[0] not in omit]
        arguments: dict[str, Any] = {"csg": LoginStage.SECURITY_NEGOTIATION, "transit": 1, "keys": [*pairs, *extra]}
        result = self.login.step(**(arguments | dict(step or {})))
        challenged = mutual and not keys and not {"CHAP_I", "CHAP_C"} & set(omit)
        if challenged and result.status == 0:
            self._judge_target(result)
        return result

    def run(self, names: Pairs, nsg: int, piece: int | None = None, **fields: Any) -> tuple[LoginResult, Pairs]:
        """Go through the security stage as an ordinary initiator does.

        Args:
            names: the keys of the first request, AuthMethod aside.
            nsg: the stage to go on to.
            piece: see `Login.step`.
            fields: header fields to override in every request.

        Returns:
            How it ended, and all pairs that the target sent.
        """
        keys = {name: value for name, value in names if name != "AuthMethod"}
        result = self.agree(keys, "CHAP,None", piece=piece, **fields)
        pairs = list(result.pairs)
        if result.status == 0 and result.keys.get("AuthMethod") == "CHAP":
            result = self.ask(piece=piece, **fields)
            pairs += result.pairs
            if result.status == 0:
                result = self.answer(step={"nsg": nsg, "piece": piece, **fields})
                pairs += result.pairs
        elif result.status == 0:
            result = self.login.step(csg=LoginStage.SECURITY_NEGOTIATION, nsg=nsg, transit=1, **fields)
            pairs += result.pairs
        return result, pairs

    # ---- its parts

    def response(
        self, secret: bytes | None = None, *, identifier: int | None = None, challenge: bytes | None = None
    ) -> bytes:
        """The response to the target's challenge, or to another one (RFC 1994, 4.1)."""
        return self.algorithm.response(
            self.identifier if identifier is None else identifier,
            self.account.secret if secret is None else secret,
            self.challenge if challenge is None else challenge,
        )

    def text(self, octets: bytes) -> str:
        """A binary value as it is sent."""
        return format_binary(octets, base64_constant=self.account.base64)

    # ---- judging the target

    def _take_challenge(self, result: LoginResult) -> None:
        values = {name: self._value(result, name) for name in ("CHAP_A", "CHAP_I", "CHAP_C")}
        missing = [name for name, value in values.items() if value is None]
        number = result.keys.get("CHAP_A", "")
        if missing or not number.isdecimal() or int(number) not in ALGORITHMS:
            self._broken("chap_challenge", result, f"{result.keys}, without {missing}")
            return
        self.algorithm = ALGORITHMS[int(number)]
        identifier, challenge = values["CHAP_I"], values["CHAP_C"]
        assert isinstance(identifier, int) and isinstance(challenge, bytes)
        self.identifier, self.challenge = identifier, challenge

    def _judge_target(self, result: LoginResult) -> None:
        secret = self.account.target_secret
        if secret is None:
            raise HarnessFault("the target is challenged, and its secret is not known")
        right = self.algorithm.response(self.own_identifier, secret, self.own_challenge)
        response, name = self._value(result, "CHAP_R"), result.keys.get("CHAP_N", "")
        proven = isinstance(response, bytes) and hmac.compare_digest(response, right)
        if not proven or name != (self.account.target_name or name) or not name:
            # Section 12.1.3: "If the target authentication fails, the initiator MUST close the connection".
            self.login.connection.close()
            self._broken("chap_response", result, f"CHAP_N={name}, and a CHAP_R that does not prove it")

    def _value(self, result: LoginResult, name: str) -> Any:
        """The value of a key, or None if it is missing or malformed."""
        try:
            return KEYS[name].parse(result.keys[name])
        except (KeyError, TextError):
            return None

    def _broken(self, rule: str, result: LoginResult, observed: str) -> None:
        assert isinstance(result.ending, Received)
        self.login.connection.rules.broken(rule, observed, result.ending, "data")
