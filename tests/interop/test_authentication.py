"""CHAP between our halves and other people: libiscsi and QEMU against our target, our script against tgt and istgt.

Wrong secrets are refused, and no program of ours ever prints a right one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.credentials import PASSWORD, TARGET_PASSWORD
from initiator_sim import ExpectationFailed, Initiator
from initiator_sim.chap import Account
from iscsi_wire import scsi
from iscsi_wire.constants import LoginStatus
from tests.interop.chiscsi import IQN, Serving, serving
from tests.interop.configured import serving_file
from tests.interop.istgt import running_istgt
from tests.interop.libiscsi import tool
from tests.interop.processes import PeerFailed, RunningTarget
from tests.interop.qemu import image, qemu_img
from tests.interop.tgt import running_tgt

pytestmark = pytest.mark.interop

ACCOUNT = Account("user", b"secret-of-user1", "disk", b"secret-of-disk1")
WRONG = b"secret-of-nobody"
MIB = 1 << 20
REFUSED = re.compile("authentication failure", re.IGNORECASE)

Running = Callable[..., AbstractContextManager[RunningTarget]]


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """`chiscsi serve` that lets nobody in but the user."""
    assert ACCOUNT.target_secret is not None
    monkeypatch.setenv(PASSWORD, ACCOUNT.secret.decode())
    monkeypatch.setenv(TARGET_PASSWORD, ACCOUNT.target_secret.decode())
    with serving("--mem", "8M", "--user", ACCOUNT.name, "--target-user", ACCOUNT.target_name) as running:
        yield running
        assert running.errors.read_text() == ""


def url(running: Serving, secret: bytes = ACCOUNT.secret, target_secret: bytes | None = None) -> str:
    """A URL as libiscsi takes it, for one-way or mutual CHAP."""
    plain = f"iscsi://{ACCOUNT.name}%{secret.decode()}@{running.portals[0]}/{IQN}/0"
    if target_secret is None:
        return plain
    return f"{plain}?target_user={ACCOUNT.target_name}&target_password={target_secret.decode()}"


# Other initiators, our target


@pytest.mark.parametrize("digest", ["", "header_digest=crc32c"], ids=["no-digest", "header-digest"])
def test_libiscsi_proves_itself(ours: Serving, digest: str) -> None:
    address = url(ours) + (f"?{digest}" if digest else "")
    assert f"Total size:{8 * MIB}" in tool("iscsi-readcapacity16", address).stdout
    assert "DIRECT_ACCESS" in tool("iscsi-inq", address).stdout


@pytest.mark.parametrize("digest", ["", "&header_digest=crc32c"], ids=["no-digest", "header-digest"])
def test_libiscsi_and_the_target_prove_themselves(ours: Serving, digest: str) -> None:
    capacity = tool("iscsi-readcapacity16", url(ours, target_secret=ACCOUNT.target_secret) + digest).stdout
    assert f"Total size:{8 * MIB}" in capacity


def test_libiscsi_runs_its_test_suite_behind_chap(ours: Serving) -> None:
    ran = tool("iscsi-test-cu", "-d", "-n", "-t", "ALL.Read10", url(ours, target_secret=ACCOUNT.target_secret))
    assert "FAILED" not in ran.stdout


def test_libiscsi_with_a_wrong_secret_is_refused(ours: Serving) -> None:
    with pytest.raises(PeerFailed, match=REFUSED):
        tool("iscsi-readcapacity16", url(ours, WRONG))
    with pytest.raises(PeerFailed, match=REFUSED):
        tool("iscsi-readcapacity16", ours.urls[0])
    assert "Total size" in tool("iscsi-readcapacity16", url(ours)).stdout


def test_libiscsi_leaves_a_target_with_a_wrong_secret(ours: Serving) -> None:
    with pytest.raises(PeerFailed, match="Invalid CHAP_R response from the target"):
        tool("iscsi-readcapacity16", url(ours, target_secret=WRONG))


@pytest.mark.parametrize("options", [{}, {"header_digest": "crc32c"}], ids=["no-digest", "header-digest"])
def test_qemu_copies_in_and_out(ours: Serving, tmp_path: Path, options: dict[str, str]) -> None:
    original, copy = tmp_path / "original", tmp_path / "copy"
    original.write_bytes(random.Random(1994).randbytes(8 * MIB))
    secret = ("--object", f"secret,id=chap,data={ACCOUNT.secret.decode()}")
    lun = image(ours.urls[0], user=ACCOUNT.name, password_secret="chap", **options)
    qemu_img("convert", *secret, "-n", "-f", "raw", "-O", "raw", original, lun)
    assert "identical" in qemu_img("compare", *secret, "-f", "raw", "-F", "raw", original, lun)
    qemu_img("convert", *secret, "-f", "raw", "-O", "raw", lun, copy)
    assert copy.read_bytes() == original.read_bytes()


def test_qemu_logs_in_by_a_url(ours: Serving) -> None:
    assert "8 MiB" in qemu_img("info", "-f", "raw", url(ours))


def test_qemu_with_a_wrong_secret_is_refused(ours: Serving) -> None:
    secret = ("--object", f"secret,id=chap,data={WRONG.decode()}")
    with pytest.raises(PeerFailed, match=REFUSED):
        qemu_img("info", *secret, image(ours.urls[0], user=ACCOUNT.name, password_secret="chap"))


DISCOVERY = """
global:
    DISC_AuthMethod=CHAP
    DISC_Auth_CHAP_Initiator="finder":"secret-of-finder"
target:
    TargetName=iqn.2026-11.test.chiscsi:found
    PortalGroup=1@127.0.0.1:0
    TargetDevice=disk,MEM,size=8MB
    AuthMethod=CHAP
    Auth_CHAP_Policy=Mutual
    Auth_CHAP_Initiator="user":"secret-of-user1"
    Auth_CHAP_Target="disk":"secret-of-disk1"
"""


def test_discovery_has_accounts_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "chiscsi.conf"
    path.write_text(DISCOVERY)
    with serving_file(path, tmp_path / "errors") as running:
        portal = running.portal("iqn.2026-11.test.chiscsi:found")
        found = tool("iscsi-ls", f"iscsi://finder%secret-of-finder@{portal}").stdout
        assert f"Target:iqn.2026-11.test.chiscsi:found Portal:{portal},1" in found
        for address in (portal, f"user%secret-of-user1@{portal}"):
            refused = tool("iscsi-ls", f"iscsi://{address}", check=False)
            assert REFUSED.search(refused.stdout + refused.stderr)
        lun = f"iscsi://user%secret-of-user1@{portal}/iqn.2026-11.test.chiscsi:found/0"
        proof = "?target_user=disk&target_password=secret-of-disk1"
        assert "Total size" in tool("iscsi-readcapacity16", lun + proof).stdout
        with pytest.raises(PeerFailed, match=REFUSED):  # the policy demands the target's proof
            tool("iscsi-readcapacity16", lun)
        assert running.errors.read_text() == ""


# Our initiator, other targets


@pytest.fixture(params=[running_tgt, running_istgt], ids=["tgt", "istgt"])
def theirs(request: pytest.FixtureRequest) -> Iterator[RunningTarget]:
    """A real target that demands CHAP."""
    running: Running = request.param
    with running(account=ACCOUNT) as target:
        yield target


def initiator(target: RunningTarget) -> Initiator:
    made = Initiator.tcp(target.host, target.port, target.iqn, lun=target.first_lun)
    made.settings.rules.ignore("login_fields")  # tgt's refusals have ISID 0
    return made


@pytest.mark.parametrize("mutual", [False, True], ids=["one-way", "mutual"])
def test_we_log_in_to_others(theirs: RunningTarget, mutual: bool) -> None:
    account = ACCOUNT if mutual else replace(ACCOUNT, target_secret=None)
    with initiator(theirs) as one:
        session = one.login(account=account)
        statuses = [session.command(scsi.TestUnitReady()).status for _ in range(3)]  # unit attentions first
    assert statuses[-1] == 0


def test_others_refuse_a_wrong_secret(theirs: RunningTarget) -> None:
    with initiator(theirs) as one:
        for wrong in (replace(ACCOUNT, secret=WRONG), replace(ACCOUNT, name="nobody")):
            assert one.session().attempt_login(account=wrong).status == LoginStatus.AUTHENTICATION_FAILURE
        assert one.session().attempt_login(stages=(1,)).status == LoginStatus.AUTHENTICATION_FAILURE


@pytest.mark.parametrize(
    "wrong", [replace(ACCOUNT, target_secret=WRONG), replace(ACCOUNT, target_name="somebody")], ids=["secret", "name"]
)
def test_we_leave_others_that_do_not_prove_themselves(theirs: RunningTarget, wrong: Account) -> None:
    with initiator(theirs) as one, pytest.raises(ExpectationFailed, match="CHAP_R is the hash"):
        one.login(account=wrong)
