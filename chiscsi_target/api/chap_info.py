"""`chap_info`: CHAP names and secrets that a storage driver hands to the Target Module (guide 5.1.4 and 7.3.1.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

CHAP_FLAG_LOCAL_NAME_VALID: Final = 0x1
CHAP_FLAG_LOCAL_SECRET_VALID: Final = 0x2
CHAP_FLAG_REMOTE_NAME_VALID: Final = 0x4
CHAP_FLAG_REMOTE_SECRET_VALID: Final = 0x8
CHAP_FLAG_MUTUAL_REQUIRED: Final = 0x10
CHAP_FLAG_MUTUAL_CHAP_REQUIRED: Final = CHAP_FLAG_MUTUAL_REQUIRED
"""The same flag, as chapter 7 of the guide spells it."""


@dataclass(slots=True)
class chap_info:
    """What `fp_chap_info_get` is given and fills in. `local_*` is the target's side, `remote_*` the initiator's.

    The stack sets `remote_name` to the CHAP_N that came, and its flag. The driver sets `remote_secret`, its length and
    flag; for mutual CHAP also `local_name`, `local_secret`, its length and their flags. Secrets are not printed.

    Attributes:
        flag: CHAP_FLAG_*; what is not flagged as valid is not looked at.
        local_secret_length, remote_secret_length: how many octets of the secrets count; 12 to 16.
        filler: of no meaning.
        local_secret, remote_secret: the secrets, at most 16 octets.
        local_name, remote_name: the CHAP names, at most 255 octets; a driver may set octets that end with a null.
    """

    flag: int = 0
    local_secret_length: int = 0
    remote_secret_length: int = 0
    filler: int = 0
    local_secret: bytes = field(default=b"", repr=False)
    local_name: str | bytes = ""
    remote_secret: bytes = field(default=b"", repr=False)
    remote_name: str = ""
