"""`ChapConfig`: names and secrets for CHAP, and what is demanded of it (behaviour file, 6.3 and 6.7; RFC 7143, 9.2.1).

A secret is never shown: `Secret` looks like asterisks wherever it might be printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chiscsi_target.errors import ConfigurationError
from iscsi_wire.chap import ALGORITHMS, Secret

__all__ = ["CHALLENGE_LENGTHS", "MAX_NAME", "MUTUAL", "ONEWAY", "POLICIES", "SECRET_LENGTHS", "ChapConfig", "Secret"]

ONEWAY, MUTUAL = POLICIES = ("Oneway", "Mutual")
# Section 9.2.1 asks for 96 random bits, and for 128 to be possible; `chap_info` has no room for more.
SECRET_LENGTHS = range(12, 17)
CHALLENGE_LENGTHS = range(16, 1025, 16)
MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class ChapConfig:
    """CHAP data of a target node, or of discovery sessions.

    Attributes:
        policy: `Auth_CHAP_Policy`: "Oneway", or "Mutual" if the initiator has to authenticate the target too.
        challenge_length: `Auth_CHAP_ChallengeLength`, in octets.
        initiators: secrets of initiators by name (`Auth_CHAP_Initiator`).
        target: name and secret of the target (`Auth_CHAP_Target`), or None.
        algorithms: numbers of CHAP_A that may be used; None for the Target Module's.
        own_order: whether the first of `algorithms` that is offered is taken, rather than the initiator's favourite.
    """

    policy: str = ONEWAY
    challenge_length: int = 16
    initiators: Mapping[str, bytes] = field(default_factory=dict)
    target: tuple[str, bytes] | None = None
    algorithms: tuple[int, ...] | None = None
    own_order: bool = False

    def __post_init__(self) -> None:
        """Judge every part.

        Raises:
            ConfigurationError: a part cannot be; it names the key and never shows a secret.
        """
        object.__setattr__(self, "initiators", {name: Secret(secret) for name, secret in self.initiators.items()})
        if self.target is not None:
            object.__setattr__(self, "target", (self.target[0], Secret(self.target[1])))
        self._check_values()
        self._check_pairs()

    @property
    def mutual(self) -> bool:
        """Whether the initiator has to authenticate the target."""
        return self.policy == MUTUAL

    @property
    def configured(self) -> bool:
        """Whether there is anybody who could authenticate."""
        return bool(self.initiators)

    def check_apart(self, others: Iterable[ChapConfig]) -> None:
        """See that no secret of these data has the other direction in some others.

        Section 9.2.1: "Any CHAP secret used for initiator authentication MUST NOT be configured for authentication of
        any target, and any CHAP secret used for target authentication MUST NOT be configured for authentication of any
        initiator."

        Raises:
            ConfigurationError: one has; the error names the key and never shows a secret.
        """
        for other in others:
            if self.target is not None and self.target[1] in other.initiators.values():
                raise ConfigurationError("Auth_CHAP_Target", "the target's secret is also an initiator's, elsewhere")
            shared = [] if other.target is None else [n for n, s in self.initiators.items() if s == other.target[1]]
            if shared:
                raise ConfigurationError("Auth_CHAP_Initiator", f"the secret of {shared[0]!r} is also another target's")

    def _check_values(self) -> None:
        if self.policy not in POLICIES:
            raise ConfigurationError("Auth_CHAP_Policy", f"{self.policy} is none of {', '.join(POLICIES)}")
        if self.challenge_length not in CHALLENGE_LENGTHS:
            raise ConfigurationError(
                "Auth_CHAP_ChallengeLength", f"{self.challenge_length} is not a multiple of 16 from 16 to 1024"
            )
        for number in self.algorithms or ():
            if number not in ALGORITHMS:
                raise ConfigurationError("CHAP algorithms", f"{number} is none of {', '.join(map(str, ALGORITHMS))}")

    def _check_pairs(self) -> None:
        for name, secret in self.initiators.items():
            _check_pair("Auth_CHAP_Initiator", name, secret)
        if len(set(self.initiators.values())) < len(self.initiators):
            raise ConfigurationError("Auth_CHAP_Initiator", "two initiators have the same secret")
        if self.target is not None:
            _check_pair("Auth_CHAP_Target", *self.target)
            # Section 9.2.1: a secret is used for one direction only.
            if self.target[1] in self.initiators.values():
                raise ConfigurationError("Auth_CHAP_Target", "the target's secret is also an initiator's")


def _check_pair(key: str, name: str, secret: bytes) -> None:
    if not 1 <= len(name.encode()) <= MAX_NAME:
        raise ConfigurationError(key, f"a name of {len(name.encode())} octets, and 1 to {MAX_NAME} are allowed")
    if len(secret) not in SECRET_LENGTHS:
        raise ConfigurationError(
            key,
            f"the secret of {name!r} has {len(secret)} octets,"
            f" and {SECRET_LENGTHS.start} to {SECRET_LENGTHS.stop - 1} are allowed",
        )
