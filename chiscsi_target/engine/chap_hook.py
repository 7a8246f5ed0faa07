"""The call of `fp_chap_info_get` (guide 5.1.4, 7.3.1.3). What it leaves is secret, and so may be why it failed."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from chiscsi_target.core.agenda import ERROR
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.records import HookRecord

if TYPE_CHECKING:
    from chiscsi_target.api.chap_info import chap_info
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.login_identity import LoginIdentity

_HOOK = "fp_chap_info_get"


def chap_info_get(agenda: Agenda, identity: LoginIdentity, info: chap_info) -> None:
    """Have `info` filled in by the driver of a login's target.

    Raises:
        LoginFailure: the hook raised. The log says what and where, not in the exception's words: they might show a
            secret, and so might the line of source.
    """
    assert identity.node is not None
    asked = f"{identity.initiator_name}, {identity.target_name}, remote_name {info.remote_name!r}"
    try:
        identity.node.target_class.fp_chap_info_get(identity.initiator_name, identity.target_name, info)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        agenda.log(ERROR, f"{_HOOK} raised {type(error).__name__} at {place.filename}:{place.lineno}.")
        raise LoginFailure(LoginStatus.TARGET_ERROR, f"{_HOOK} raised", "11.13.5") from None
    if agenda.listener is not None:
        agenda.listener(HookRecord(agenda.now, "target", "", _HOOK, asked, f"flag {info.flag!r}"))
