"""Settings survive the way through pytest's options."""

from __future__ import annotations

import msgspec
import pytest

from conformance.harness.settings import Settings, from_config, option, to_arguments

FULL = Settings(
    url="iscsi://127.0.0.1/iqn.2004-01.com.example:disk",
    transport="card",
    link="loss=0.1,seed=3",
    suite=["login", "nop"],
    case=["login-01"],
    requirement=["7143-4.2"],
    level=["MUST NOT"],
    allow_data_loss=True,
    profile="tgt",
    initiator_name="iqn.2004-01.com.example:me",
    driver=["my_disk:MyDisk", "my_disk:Target,option=1"],
    quirk=["cid_is_tid", "reuse_tsih"],
    offload="ulp",
    segments=3,
    user="someone",
    target_user="target",
    patience=0.5,
    time_limit=7.0,
    reconnect=0.0,
    revive="systemctl restart tgt",
    suites="/elsewhere",
    factory="a.b:c",
    live="plain",
    out="/reports",
)


@pytest.mark.parametrize("settings", [Settings(), FULL], ids=["defaults", "everything"])
def test_settings_come_back_from_the_options_that_they_became(settings: Settings) -> None:
    arguments = ["-pno:warnings", "-pconformance.plugin", *to_arguments(settings)]
    config = pytest.Config.fromdictargs({}, arguments)
    assert from_config(config) == settings


def test_defaults_need_no_option() -> None:
    assert to_arguments(Settings()) == []


def test_every_field_differs_from_its_default_in_the_test_above() -> None:
    plain = msgspec.structs.asdict(Settings())
    assert [name for name, value in msgspec.structs.asdict(FULL).items() if value == plain[name]] == []


def test_options_have_a_prefix_of_their_own() -> None:
    assert option("allow_data_loss") == "--iscsi-allow-data-loss"
