"""The methods of the control socket, on a target in memory: results, messages, errors, and what they leave behind."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from chiscsi_target.config import config_file
from chiscsi_target.control import jsonrpc
from chiscsi_target.control.dispatcher import Dispatcher
from chiscsi_target.control.errors import ErrorCode
from chiscsi_target.control.methods import METHODS
from chiscsi_target.offload.terminator import POD_REGION, Offload
from iscsi_wire.pdus import ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.bench import send_data
from tests.chiscsi_target.peer import INITIATOR, Peer, write10
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

OTHER = NAME + ".other"
SECRET = "abcdefghijkl"


class Desk:
    """A stand, and its control methods as a client sees them: JSON in, JSON out."""

    def __init__(self, *keys: tuple[str, str], **how: Any) -> None:
        self.stand = Stand(*keys, **how)
        self.dispatcher = Dispatcher(self.stand.module, patience=0.0)

    def __call__(self, method: str, **params: Any) -> Any:
        response = self.answer(method, params)
        assert "error" not in response, response
        return response["result"]

    def answer(self, method: str, params: Any) -> Any:
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        response = jsonrpc.answer(json.dumps(request).encode(), self.dispatcher.call)
        assert response is not None
        return json.loads(response)

    def refused(self, method: str, **params: Any) -> tuple[int, str]:
        error = self.answer(method, params)["error"]
        return error["code"], error["message"]


def section(name: str, *lines: str) -> str:
    usual = [f"TargetName={name}", "PortalGroup=1@127.0.0.1:3260", "TargetDevice=disk,MEM,size=1MB"]
    return "\n".join(["target:", *usual, *lines, ""])


# Telling


def test_version_says_who_answers() -> None:
    told = Desk()("version")
    assert told["name"] == "chiscsi" and told["protocol"] == 1 and told["version"]


def test_list_shows_the_targets_in_short() -> None:
    desk = Desk()
    desk.stand.add(OTHER)
    desk.stand.login()
    told = desk("list")
    assert told["sessions"] == 1
    assert [(each["name"], each["sessions"], each["login_ip"]) for each in told["targets"]] == [
        (NAME, 1, 0),
        (OTHER, 0, 0),
    ]
    first = told["targets"][0]
    assert first["id"] == desk.stand.node.handle
    keys = dict(map(tuple, first["keys"]))
    assert keys["PortalGroup"].startswith("1@127.0.0.1:3260") and keys["TargetDevice"].startswith("disk,MEM")


def test_list_counts_logins_under_way() -> None:
    desk = Desk()
    peer = desk.stand.connect()
    peer.ask(peer.names(NAME), csg=1, nsg=None)
    assert desk("list")["targets"][0]["login_ip"] == 1


def test_show_hides_secrets() -> None:
    desk = Desk(("Auth_CHAP_Initiator", f'"me":"{SECRET}"'), ("AuthMethod", "CHAP,None"))
    told = desk("show", target=NAME)
    keys = dict(map(tuple, told["keys"]))
    assert keys["Auth_CHAP_Initiator"] == '"me":"********"' and keys["TargetName"] == NAME
    assert SECRET not in json.dumps(told)


def test_sessions_with_their_connections() -> None:
    desk = Desk(("MaxConnections", "2"))
    peer = desk.stand.login(("MaxConnections", "2"))
    desk.stand.join(peer, 5)
    ((session),) = desk("sessions")["sessions"]
    assert (session["target"], session["peer_name"], session["type"]) == (NAME, INITIATOR, "Normal")
    assert session["isid"] == peer.isid.hex()
    assert session["sess_keys"]["max_conns"] == 2
    assert [each["cid"] for each in session["connections"]] == [0, 5]
    assert session["connections"][0]["tcp_endpoints"]["target"] == "127.0.0.1:3260"
    assert desk("sessions", target=NAME, initiator="nobody")["sessions"] == []
    assert desk.refused("sessions", target=OTHER) == (ErrorCode.NOT_FOUND, f"{OTHER} is not found.")


def test_statistics_of_portals_and_sessions() -> None:
    desk = Desk()
    desk.stand.add(OTHER)
    desk.stand.login()
    told = desk("statistics")
    ((portal),) = told["portals"]
    assert (portal["portal"], portal["targets"]) == ("127.0.0.1:3260", [NAME, OTHER])
    names = {"read_bytes", "write_bytes", "read_cmd_cnt", "write_cmd_cnt"}
    assert set(portal["perf"]) == names
    ((session),) = told["sessions"]
    assert (session["target"], session["initiator"], set(session["perf"])) == (NAME, INITIATOR, names)
    assert set(session["offload"].values()) == {0}


def written(offload: Offload) -> tuple[Desk, Peer]:
    """A desk whose one session has written 4 KiB that were asked for, and 512 octets that were not."""
    desk = Desk(("InitialR2T", "Yes"), ("MaxConnections", "2"), offload=offload)
    peer = desk.stand.login(("MaxConnections", "2"))
    peer.command(write10(0, 8), 4096, write=True)
    send_data(peer, peer.take(ReadyToTransfer)[0])
    assert peer.take(ScsiResponse)
    assert peer.execute(write10(0, 1), 512, data=bytes(512), write=True)
    return desk, peer


@pytest.mark.parametrize("offload, placed, copied", [(Offload.ULP, 4096, 512), (Offload.CRC, 0, 4608)])
def test_what_an_adapter_did_is_told_of_session_connection_and_adapter(
    offload: Offload, placed: int, copied: int
) -> None:
    desk, peer = written(offload)
    desk.stand.join(peer, 5)
    ((session),) = desk("statistics")["sessions"]
    counted = session["offload"]
    assert (counted["connections"], counted["placed_bytes"], counted["copied_bytes"]) == (2, placed, copied)
    assert (counted["ddp_pass"], counted["ddp_fail"]) == ((1, 0) if placed else (0, 1))
    assert (counted["ppods_in_use"], counted["ppods_peak"]) == (0, 1 if placed else 0)
    first, second = desk("sessions")["sessions"][0]["connections"]
    assert (first["offloaded"], first["placed_bytes"], first["copied_bytes"]) == (True, placed, copied)
    told = desk("adapter")
    assert told["adapter"] == {
        "mode": offload.name,
        "places_data": True,
        "connections": 2,
        "ppods": POD_REGION,
        "ppods_in_use": 0,
        "ppods_peak": 1 if placed else 0,
    }
    rows = [(each["cid"], each["tid"], each["placed_bytes"], each["copied_bytes"]) for each in told["connections"]]
    assert rows == [(0, first["tid"], placed, copied), (5, second["tid"], 0, 0)]
    assert all((each["target"], each["initiator"]) == (NAME, INITIATOR) for each in told["connections"])


def test_page_pods_are_in_use_while_a_transfer_goes_on() -> None:
    desk = Desk(offload=Offload.ULP)
    peer = desk.stand.login()
    peer.command(write10(0, 64), 32768, write=True)
    assert peer.take(ReadyToTransfer)
    (connection,) = desk("adapter")["connections"]
    assert connection["ppods_in_use"] == desk("adapter")["adapter"]["ppods_in_use"] > 0


@pytest.mark.parametrize("offload", [Offload.AUTO, Offload.NIC])
def test_an_adapter_that_serves_nobody(offload: Offload) -> None:
    desk, _ = written(offload)
    told = desk("adapter")
    assert (told["adapter"]["mode"], told["adapter"]["connections"], told["connections"]) == (offload.name, 0, [])


def test_without_an_adapter_there_is_nothing_to_tell() -> None:
    desk, _ = written(Offload.OFF)
    assert desk("adapter") == {"adapter": None, "connections": []}
    assert desk("statistics")["sessions"][0]["offload"]["connections"] == 0


def test_the_mode_is_the_global_variables() -> None:
    desk = Desk(offload=Offload.ULP)
    desk("set_globals", values={"iscsi_offload_mode": "CRC"})
    assert desk("adapter")["adapter"]["mode"] == "CRC"


def test_dropping_a_session() -> None:
    desk = Desk()
    peer = desk.stand.login()
    handle = desk("sessions")["sessions"][0]["hndl"]
    assert desk("drop_session", hndl=handle) == {"messages": [f"session 0x{handle:x} dropped."]}
    peer.receive()
    assert desk("sessions")["sessions"] == []
    assert desk.refused("drop_session", hndl=handle) == (ErrorCode.NOT_FOUND, f"session 0x{handle:x} is not found.")


# Variables


def test_verbosity_is_told_and_set() -> None:
    desk = Desk()
    assert desk("verbosity") == {"level": "0x0,0x0"}
    assert desk("verbosity", level="0xf,0xc82000") == {"level": "0xf,0xc82000"}
    verbosity = desk.stand.module.directory.login_worker.verbosity
    assert (verbosity.levels, verbosity.areas) == (0xF, 0xC82000)
    code, message = desk.refused("verbosity", level="much")
    assert code == ErrorCode.REFUSED and message.startswith("iscsi_verbose_level: ")


def test_global_variables_that_are_right_take_effect() -> None:
    desk = Desk()
    assert desk("set_globals", values={"iscsi_auth_order": "ACL"})["values"]["iscsi_auth_order"] == "ACL"
    values = {"iscsi_nonsense": "1", "iscsi_login_complete_time": "17"}
    assert desk.refused("set_globals", values=values) == (ErrorCode.REFUSED, "Unknown variable iscsi_nonsense.")
    assert desk("get_globals")["values"]["iscsi_login_complete_time"] == "17"


def test_global_variables_hide_secrets() -> None:
    desk = Desk()
    told = desk("set_globals", values={"DISC_Auth_CHAP_Initiator": f'"me":"{SECRET}"'})
    assert told["values"]["DISC_Auth_CHAP_Initiator"] == '"me":"********"'
    assert SECRET not in json.dumps(told)


# Targets


def test_add_starts_what_the_file_names(tmp_path: Path) -> None:
    desk = Desk()
    file = tmp_path / "chiscsi.conf"
    file.write_text("global:\niscsi_login_complete_time=9\n" + section(OTHER) + section(NAME + ".third"))
    assert desk("add", file=str(file), targets=[OTHER, "iqn.2026-11.org.example:none"]) == {
        "messages": [f"target {OTHER} added."],
        "errors": ["iqn.2026-11.org.example:none is not found."],
    }
    assert list(desk.stand.module.configurations) == [NAME, OTHER]
    assert desk.stand.module.directory.registry.globals.login_complete_time == 9
    assert desk("add", file=str(file))["messages"] == [
        f"target {OTHER} updated.",
        f"target {NAME}.third added.",
    ]


def test_reload_leaves_out_what_does_not_run(tmp_path: Path) -> None:
    desk = Desk()
    file = tmp_path / "chiscsi.conf"
    file.write_text(section(NAME, "TargetAlias=new") + section(OTHER))
    assert desk("reload", file=str(file)) == {
        "messages": [f"target {NAME} updated.", f"{OTHER} not started, ignore."],
        "errors": [],
    }
    keys = dict(map(tuple, desk("show", target=NAME)["keys"]))
    assert keys["TargetAlias"] == "new"


def test_one_bad_target_does_not_keep_the_others_from_being_done(tmp_path: Path) -> None:
    desk = Desk(("TargetAlias", "taken"))
    file = tmp_path / "chiscsi.conf"
    file.write_text(section(OTHER, "TargetAlias=taken") + section(NAME + ".third"))
    told = desk("add", file=str(file))
    assert told["messages"] == [f"target {NAME}.third added."]
    assert len(told["errors"]) == 1 and "taken" in told["errors"][0]


def test_a_file_with_errors_changes_nothing(tmp_path: Path) -> None:
    desk = Desk()
    file = tmp_path / "chiscsi.conf"
    file.write_text(section(OTHER) + section(NAME + ".third", "Nonsense=1", "MaxConnections=0"))
    response = desk.answer("add", {"file": str(file)})["error"]
    assert response["code"] == ErrorCode.REFUSED
    assert response["data"]["where"] == f"{file}, line 9" and len(response["data"]["errors"]) == 2
    assert list(desk.stand.module.configurations) == [NAME]


@pytest.mark.parametrize("method", ["add", "reload"])
def test_a_file_that_is_not_there(tmp_path: Path, method: str) -> None:
    code, message = Desk().refused(method, file=str(tmp_path / "none"))
    assert code == ErrorCode.REFUSED and str(tmp_path / "none") in message


def test_removing_some_and_all() -> None:
    desk = Desk()
    desk.stand.add(OTHER)
    desk.stand.login()
    assert desk("remove", targets=[NAME, "x"]) == {"messages": [f"{NAME} removed."], "errors": ["x is not found."]}
    assert list(desk.stand.module.configurations) == [OTHER]
    assert desk("remove") == {"messages": ["All targets removed."], "errors": []}
    assert desk("list")["targets"] == []


def test_flushing_one_unit_a_target_or_all(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(bytes(1 << 20))
    devices = [("TargetDevice", f"{tmp_path / name},FILE") for name in ("one", "two")]
    desk = Desk(*devices)
    both = [f"{NAME} lun {lun} flushed." for lun in (0, 1)]
    assert desk("flush") == desk("flush", target=NAME) == {"messages": both, "errors": []}
    assert desk("flush", target=NAME, lun=1)["messages"] == both[1:]
    assert desk.refused("flush", target=NAME, lun=2) == (ErrorCode.NOT_FOUND, f"{NAME} lun 2 is not found.")
    assert desk.refused("flush", target=OTHER) == (ErrorCode.NOT_FOUND, f"{OTHER} is not found.")
    assert desk.refused("flush", lun=1)[0] == ErrorCode.INVALID_PARAMS


def test_a_flush_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    lun_class = desk.stand.node.luns[0].lun_class

    def broken(lu: object) -> int:
        raise OSError("no space")

    monkeypatch.setattr(lun_class, "fp_flush", broken)
    assert desk("flush") == {"messages": [], "errors": [f"{NAME} lun 0: flush failed with -31."]}
    assert "fp_flush raised" in desk.stand.log and "no space" in desk.stand.log


def test_units_without_the_hook_are_not_flushed() -> None:
    assert Desk(driver=HoldingDriver())("flush") == {"messages": [], "errors": []}


def test_the_configuration_is_written_so_that_it_can_be_read(tmp_path: Path) -> None:
    desk = Desk(("Auth_CHAP_Initiator", f'"me":"{SECRET}"'))
    desk.stand.add(OTHER)
    desk("set_globals", values={"iscsi_auth_order": "ACL"})
    path = tmp_path / "written.conf"
    assert desk("write_configuration", file=str(path))["messages"] == [f"{path} written, targets: 2."]
    assert path.stat().st_mode & 0o777 == 0o600
    again = config_file.load(path)
    assert [config.name for config in again.targets] == [NAME, OTHER]
    assert again.global_variables == {"iscsi_auth_order": "ACL"}
    assert bytes(again.targets[0].chap.initiators["me"]) == SECRET.encode()
    code, message = desk.refused("write_configuration", file=str(tmp_path / "none" / "x"))
    assert code == ErrorCode.REFUSED and "cannot be written" in message


# Requests that are wrong


def test_an_unknown_method_is_answered_with_those_that_there_are() -> None:
    error = Desk().answer("stop", {})["error"]
    assert error["code"] == ErrorCode.METHOD_NOT_FOUND and error["data"]["methods"] == list(METHODS)


@pytest.mark.parametrize(
    "method, params",
    [
        ("version", [1]),
        ("list", {"target": NAME}),
        ("show", {}),
        ("show", []),
        ("show", {"target": 1}),
        ("show", {"target": NAME, "more": 1}),
        ("add", {"file": "relative.conf"}),
        ("add", {"file": "/a\0b"}),
        ("add", {"file": "/x", "targets": NAME}),
        ("remove", {"targets": NAME}),
        ("flush", {"target": NAME, "lun": "0"}),
        ("drop_session", {"hndl": "0x1"}),
        ("set_globals", {"values": {"iscsi_auth_order": 1}}),
        ("write_configuration", {"file": "x"}),
    ],
)
def test_wrong_parameters_are_refused(method: str, params: Any) -> None:
    assert Desk().answer(method, params)["error"]["code"] == ErrorCode.INVALID_PARAMS


def test_parameters_can_be_given_in_order() -> None:
    assert Desk().answer("show", [NAME])["result"]["name"] == NAME


def test_changes_are_made_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    going, done = threading.Event(), threading.Event()

    def wait(private: object, name: str) -> int:
        going.set()
        assert done.wait(5.0)
        return 0

    monkeypatch.setattr(desk.stand.module, "chiscsi_target_remove", wait)
    removal = threading.Thread(target=desk, args=("remove",))
    removal.start()
    assert going.wait(5.0)
    assert desk.refused("flush")[0] == ErrorCode.BUSY and desk("list")["targets"]
    done.set()
    removal.join(5.0)
    assert desk("flush")["errors"] == []


def test_a_fault_of_ours_is_logged_and_told_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.delattr(desk.stand.module, "configurations")
    assert desk.refused("list") == (ErrorCode.INTERNAL_ERROR, "the target's log says more")
    assert "AttributeError" in desk.stand.log


def test_every_method_says_what_it_does() -> None:
    for name, method in METHODS.items():
        assert name == method.name and method.summary.endswith(".") and method.params.__doc__
