"""Raw registry hives: the keys that are read, what their absence means, and hives that are hurt."""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.hive_samples import THUMB, blob, certificate, config, software, system, winhttp
from tools.hive_writer import BASE, hive, summed
from troubleshoot import registryjoin
from troubleshoot.case import Case
from troubleshoot.loader import in_memory
from troubleshoot.model import Artifact, Fact, Problem, RegistryValue, Source
from troubleshoot.parsers import certblob, parse
from troubleshoot.parsers import hive as parser
from troubleshoot.parsers.regtext import read as read_text
from troubleshoot.pipeline import diagnose, diagnose_bytes
from troubleshoot.recognise import unneeded
from troubleshoot.ruleset import load

TENANT = "11111111-2222-3333-4444-555555555555"
DEVICE = "22222222-3333-4444-5555-666666666666"
JOIN = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin"
CDJ = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD"


def found(data: bytes, name: str = "SYSTEM") -> list[RegistryValue | Problem | Fact]:
    return list(parse(in_memory(name, data), None))  # type: ignore[arg-type]


def values(data: bytes, name: str = "SYSTEM") -> dict[tuple[str, str], tuple[str, str | int | None]]:
    rows = [one for one in found(data, name) if isinstance(one, RegistryValue)]
    return {(one.key, one.name): (one.type, one.value) for one in rows}


def problems(data: bytes, name: str = "SYSTEM") -> list[tuple[str, str, int | None]]:
    return [(one.kind, one.message, one.lost) for one in found(data, name) if isinstance(one, Problem)]


def facts(*hives: tuple[str, bytes]) -> Case:
    return Case.of([one for name, data in hives for one in found(data, name)])


# ------------------------------------------------------------------------------------------------------------- values


KINDS = {
    "TenantId": TENANT,
    "Empty": "",
    "Short": (1, "a\0".encode("utf-16-le")),
    "Expand": (2, "%windir%\0".encode("utf-16-le")),
    "Number": 3,
    "Large": (11, (1 << 40).to_bytes(8, "little")),
    "Bytes": b"\x01\x02\x03\x04\x05",
    "Few": b"\x01",
    "List": ["a", "b"],
    "Long": "x" * 9000,
    "Überschrift": "ü",
    "": "default",
    "Odd": (1, b"\x41\xd8"),
}


@pytest.mark.parametrize("minor", [3, 5])
@pytest.mark.parametrize("index", ["lh", "lf", "li", "ri"])
def test_values_of_every_type_in_every_list(index: str, minor: int) -> None:
    keys = {"Select": {"Current": 1}, rf"ControlSet001\Control\CloudDomainJoin\JoinInfo\{THUMB}": KINDS}
    data = hive(keys, "SYSTEM", index=index, minor=minor)  # type: ignore[arg-type]
    assert problems(data) == []
    key = rf"{JOIN}\JoinInfo\{THUMB}"
    assert {name: told for (at, name), told in values(data).items() if at == key} == {
        "TenantId": ("REG_SZ", TENANT),
        "Empty": ("REG_SZ", ""),
        "Short": ("REG_SZ", "a"),
        "Expand": ("REG_EXPAND_SZ", "%windir%"),
        "Number": ("REG_DWORD", 3),
        "Large": ("REG_QWORD", 1 << 40),
        "Bytes": ("REG_BINARY", "0102030405"),
        "Few": ("REG_BINARY", "01"),
        "List": ("REG_MULTI_SZ", "a\nb"),
        "Long": ("REG_SZ", "x" * 9000),
        "Überschrift": ("REG_SZ", "ü"),
        "": ("REG_SZ", "default"),
        "Odd": ("REG_SZ", "\ufffd"),
    }


def test_names_are_those_of_a_running_windows() -> None:
    told = values(hive(system("WKS-0427", TENANT, numbers=(3, 1)), "SYSTEM"))  # type: ignore[arg-type]
    assert told[r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions", "ProductType"] == ("REG_SZ", "WinNT")
    assert told[rf"{JOIN}\JoinInfo\{THUMB}", "TenantId"] == ("REG_SZ", TENANT)
    assert {key.split("\\")[2] for key, _ in told} == {"CurrentControlSet"}


def test_a_hive_of_a_user_of_system_and_of_nobody() -> None:
    keys = {
        "Control Panel": {},
        r"Software\Microsoft\Windows\CurrentVersion\Internet Settings": {"ProxyEnable": 0},
    }
    key = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings".replace("SOFTWARE", "Software")
    for name, header, root in (
        ("Users/ada/NTUSER.DAT", r"\??\C:\Users\ada\ntuser.dat", "HKCU"),
        ("x.bin", "", "HKCU"),
        ("Windows/System32/config/DEFAULT", r"em32\Config\DEFAULT", r"HKU\.DEFAULT"),
        ("x.bin", r"em32\Config\DEFAULT", r"HKU\.DEFAULT"),
        ("x.bin", r"eProfiles\LocalService\NTUSER.DAT", r"HKU\S-1-5-19"),
        ("ServiceProfiles\\NetworkService\\NTUSER.DAT", "", r"HKU\S-1-5-20"),
    ):
        assert values(hive(keys, header), name)[rf"{root}\{key}", "ProxyEnable"] == ("REG_DWORD", 0), name
    assert problems(hive(keys, r"??\C:\Users\Default\NTUSER.DAT"), "x.bin") == [
        ("unsupported", "it is the registry hive that new users start with, nobody's own", None)
    ]


def test_tokens_and_passwords_beside_the_keys_are_not_read() -> None:
    user = {
        "Control Panel": {},
        r"Software\Microsoft\Windows\CurrentVersion\AAD\Storage\https://login.microsoftonline.com": {
            "P~x": b"secret" * 9
        },
    }
    told = found(hive(user), "NTUSER.DAT") + found(hive(software("WKS-0427")), "SOFTWARE")  # type: ignore[arg-type]
    assert "736563726574" not in str(told)
    assert "not to be read" not in str(told)
    assert facts(("NTUSER.DAT", hive(user))).facts["leftover.wam-storage"][0].value == "present"


@pytest.mark.parametrize("top", ["SAM", "Policy"])
def test_hives_of_credentials_are_refused_without_their_name(top: str) -> None:
    assert problems(hive({rf"{top}\Accounts": {"F": b"secret"}}), "export.bin") == [
        ("refused", "it can hold a hive of credentials: it was not read, and should not have been collected", 0)
    ]


# ------------------------------------------------------------------------------------------------------- what is missing


def test_a_key_that_is_not_in_the_hive_is_absent() -> None:
    told = values(hive(software("WKS-0427")), "SOFTWARE")  # type: ignore[arg-type]
    assert told[CDJ, ""] == ("absent", None)
    assert facts(("SOFTWARE", hive(software("WKS-0427")))).facts["scp.client-side"][0].value == "missing"  # type: ignore[arg-type]


def test_nothing_is_absent_in_a_hive_that_was_in_use() -> None:
    data = hive(software("WKS-0427"), dirty=True)  # type: ignore[arg-type]
    assert problems(data, "SOFTWARE") == [
        (
            "unsupported",
            "the registry hive was in use when it was copied: its last changes stand in its transaction logs, which are not replayed",
            None,
        )
    ]
    assert [one for one in values(data, "SOFTWARE").values() if one[0] == "absent"] == []
    assert "scp.client-side" not in facts(("SOFTWARE", data)).facts


def test_every_key_that_rules_and_facts_ask_for_is_read() -> None:
    import test_registryfacts

    rules = Path(__file__).resolve().parent.parent / "rules"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(rules.rglob("*.yaml")))
    asked = {found[1].strip() for found in re.finditer(r"\{key: '?((?:HKLM|HKCU|HKU)\\[^',}]+)", text)}
    assert {r"HKLM\SOFTWARE\Microsoft\SenseCM", r"HKLM\SOFTWARE\FSLogix\Profiles"} < asked
    assert [key for key in sorted(asked) if not parser.covers(key)] == []
    for body, _ in next(one.args[1] for one in test_registryfacts.test_what_an_export_decides.pytestmark):  # type: ignore[attr-defined]
        rows = [one for one in found_in(body) if not one.key.startswith(r"HKU\S-1-5-18")]
        assert [one.key for one in rows if not parser.covers(one.key)] == []
    assert not parser.covers(r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogons")
    assert not parser.covers(r"HKLM\SOFTWARE\Classes")


def found_in(body: str) -> list[RegistryValue]:
    text = f"Windows Registry Editor Version 5.00\n{body}"
    return [one for one in found(text.encode(), "a.reg") if isinstance(one, RegistryValue)]


# ---------------------------------------------------------------------------------------------------------- join state


@pytest.mark.parametrize(
    ("tenant", "domain", "member", "state"),
    [
        (TENANT, "corp.example", True, "hybrid"),
        (TENANT, "", False, "entra"),
        (TENANT, "corp.example", False, "unknown"),  # a workgroup computer may have a suffix of its own
        (TENANT, "", True, "unknown"),
        ("", "corp.example", True, "domain-only"),
        ("", "", False, "unknown"),  # no user's hive: it may be registered
    ],
)
def test_the_join_state_without_dsregcmd(tenant: str, domain: str, member: bool, state: str) -> None:
    case = facts(("SYSTEM", hive(system("WKS-0427", tenant, domain, member))))  # type: ignore[arg-type]
    assert case.join_state == state
    assert case.device.name == "WKS-0427"
    assert case.device.tenant_id == (tenant or None)
    assert case.device.tenant_name == ("Contoso" if tenant else None)


@pytest.mark.parametrize(("key", "state"), [(r"WorkplaceJoin\JoinInfo\A1", "registered"), ("Winlogon", "none")])
def test_a_user_tells_whether_the_device_is_registered(key: str, state: str) -> None:
    user = {"Control Panel": {}, rf"Software\Microsoft\Windows NT\CurrentVersion\{key}": {"TenantId": TENANT}}
    case = facts(("SYSTEM", hive(system("HOMEPC", "", "", False))), ("NTUSER.DAT", hive(user)))  # type: ignore[arg-type]
    assert case.join_state == state


def test_a_record_without_a_tenant_and_records_of_two_leave_it_unknown() -> None:
    own = system("WKS-0427", TENANT)
    own[rf"ControlSet001\Control\CloudDomainJoin\JoinInfo\{'A' * 40}"] = {"TenantId": DEVICE}
    assert facts(("SYSTEM", hive(own))).join_state == "unknown"  # type: ignore[arg-type]
    own = system("WKS-0427")
    own[rf"ControlSet001\Control\CloudDomainJoin\JoinInfo\{THUMB}"] = {"UserEmail": ""}
    assert facts(("SYSTEM", hive(own))).join_state == "unknown"  # type: ignore[arg-type]


def test_the_certificate_tells_the_device_id() -> None:
    joined = hive(system("WKS-0427", TENANT))  # type: ignore[arg-type]
    case = facts(("SYSTEM", joined), ("SOFTWARE", hive(software("WKS-0427", DEVICE))))  # type: ignore[arg-type]
    assert case.device.device_id == DEVICE
    told = {name: one[0].value for name, one in case.facts.items() if name.startswith("certificate.device")}
    assert told == {
        "certificate.device": "present",
        "certificate.device.subject": DEVICE,
        "certificate.device.not-after": "2036-03-01T07:32:00+00:00",
        "certificate.device.provider": "tpm",
    }
    # One that no join record is named after is left over from an older join.
    other = software("WKS-0427")
    other[rf"Microsoft\SystemCertificates\MY\Certificates\{'A' * 40}"] = {"Blob": blob(DEVICE)}
    assert facts(("SYSTEM", joined), ("SOFTWARE", hive(other))).device.device_id is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        blob(DEVICE, "MS-Organization-P2P-Access [2026]"),
        blob("ada@contoso.com"),
        blob(DEVICE)[:-300],
        struct.pack("<III", 32, 1, 4) + b"\x30\x80\x00\x00",
    ],
)
def test_another_certificate_or_half_of_one_tells_nothing(data: bytes) -> None:
    assert certblob.device(data, Source("SOFTWARE"), "key") == []


@given(st.integers(0, 700), st.binary(max_size=6))
def test_any_certificate_is_read(at: int, bytes_: bytes) -> None:
    data = certificate(DEVICE, "MS-Organization-Access")
    hurt = data[:at] + bytes_ + data[at + len(bytes_) :]
    certblob.device(struct.pack("<III", 32, 1, len(hurt)) + hurt, Source("SOFTWARE"), "key")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            winhttp("proxy.corp.example:8080"),
            {"proxy.winhttp": "named", "proxy.winhttp.server": "proxy.corp.example:8080"},
        ),
        (winhttp(""), {"proxy.winhttp": "direct"}),
        (winhttp("proxy.corp.example:8080")[:20], {}),
        (b"\x28\0\0\0", {}),
    ],
)
def test_the_winhttp_proxy(data: bytes, told: dict[str, str]) -> None:
    keys = software("WKS-0427")
    keys[r"Microsoft\Windows\CurrentVersion\Internet Settings\Connections"] = {"WinHttpSettings": data}
    case = facts(("SOFTWARE", hive(keys)))  # type: ignore[arg-type]
    assert {name: one[0].value for name, one in case.facts.items() if name.startswith("proxy.winhttp")} == told


@pytest.mark.parametrize(
    ("registry", "logged", "state"),
    [
        ({}, "unknown", "unknown"),
        ({}, "hybrid", "hybrid"),
        ({"join.key": "present", "join.key.tenant-id": TENANT, "domain.member": "yes"}, "hybrid", "hybrid"),
        ({"join.key": "present", "join.key.tenant-id": TENANT, "domain.member": "no"}, "hybrid", "unknown"),
        ({"join.key": "missing", "domain.member": "yes"}, "hybrid", "unknown"),
        ({"join.key": "missing", "domain.member": "yes"}, "unknown", "domain-only"),
        ({"join.key": "present"}, "hybrid", "hybrid"),
        ({"domain.member": "yes"}, "unknown", "unknown"),
    ],
)
def test_the_log_and_the_registry_must_agree(registry: dict[str, str], logged: str, state: str) -> None:
    told = {name: (Fact(name, value, Source("SYSTEM")),) for name, value in registry.items()}
    assert registryjoin.state(told, logged) == state


def test_a_folder_as_disk_inspection_leaves_it(tmp_path: Path) -> None:
    for name, data in config("WKS-0427", TENANT, DEVICE).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    result = diagnose([str(tmp_path)], load())
    assert [(one.join_state, one.device.device_id) for one in result.reports] == [("hybrid", DEVICE)]
    assert [(one.kind, one.reason) for one in result.unread] == [
        ("unsupported", "not read, since they hold no evidence: transaction logs of registry hives (2)")
    ]


# -------------------------------------------------------------------------------------------------------------- damage


SYSTEM = hive(system("WKS-0427", TENANT), "SYSTEM")  # type: ignore[arg-type]


def hurt(change: dict[int, bytes], data: bytes = SYSTEM) -> bytes:
    out = bytearray(data)
    for at, piece in change.items():
        out[at : at + len(piece)] = piece
    return summed(bytes(out[:BASE])) + bytes(out[BASE:])


def node(name: bytes, data: bytes = SYSTEM) -> int:
    """Where the cell of the key with that name begins (its signature)."""
    return data.index(name, BASE) - 76


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (SYSTEM[:3000], [("damaged", "the registry hive is cut off in its header", None)]),
        (
            SYSTEM[:BASE],
            [
                ("damaged", "the registry hive is cut off", None),
                ("damaged", "the registry hive cannot be read: an offset leads behind the end", None),
            ],
        ),
        (SYSTEM[: BASE - 4] + b"x" + SYSTEM[BASE - 3 :], []),
        (SYSTEM[:20] + b"x" + SYSTEM[21:], [("damaged", "the registry hive is damaged in its header", None)]),
        (
            hurt({36: struct.pack("<I", 0x7FFF0000)}),
            [("damaged", "the registry hive cannot be read: an offset leads behind the end", None)],
        ),
        (
            hurt({36: struct.pack("<I", 0x1000 - 64)}),
            [("damaged", "the registry hive cannot be read: its first key is none", None)],
        ),
        (
            hurt({node(b"CloudDomainJoin"): b"xx"}),
            [
                (
                    "damaged",
                    r"the keys below HKLM\SYSTEM\CurrentControlSet\Control cannot all be read: a key in the list is none",
                    None,
                )
            ],
        ),
        (
            hurt({node(b"Netlogon") + 40: struct.pack("<I", 0x00FFFFF0)}),
            [("damaged", r"1 of 1 values of HKLM\SYSTEM\CurrentControlSet\Services\Netlogon cannot be read", 1)],
        ),
        (
            hurt({node(b"Netlogon") + 36: struct.pack("<I", 0xFFFFFFFF)}),
            [("damaged", r"some values of HKLM\SYSTEM\CurrentControlSet\Services\Netlogon cannot be read", None)],
        ),
        (
            hurt({node(b"CloudDomainJoin") + 20: struct.pack("<I", 9)}),
            [("damaged", rf"the keys below {JOIN} cannot all be read: 3 of 9 keys are listed", None)],
        ),
        (
            hive({}, "SYSTEM", kind=6),
            [("unsupported", "it is a transaction log of a registry hive, which is not replayed", None)],
        ),
        (hive({"Other": {}}), [("unsupported", "it is a registry hive without keys that this tool reads", None)]),
        (
            hive({"Select": {}, "ControlSet001": {}, "ControlSet002": {}}),
            [("damaged", "the registry hive does not tell which of its 2 control sets Windows uses", None)],
        ),
        (hive({"Select": {"Current": 7}, r"ControlSet001\Control\ProductOptions": {"ProductType": "WinNT"}}), []),
    ],
)
def test_what_is_hurt_is_named(data: bytes, told: list[tuple[str, str, int | None]]) -> None:
    assert problems(data) == told


def test_damage_costs_only_what_rests_on_it() -> None:
    data = hurt({node(b"Netlogon") + 40: struct.pack("<I", 0x00FFFFF0)})
    case = facts(("SYSTEM", data))
    assert case.facts["join.key"][0].value == "present"
    assert "domain.member" not in case.facts
    assert case.join_state == "unknown"


@pytest.mark.parametrize("folder", ["Windows/System32/config/RegBack", "Windows.old/Windows/System32/config"])
def test_older_copies_are_no_evidence(folder: str) -> None:
    ((kind, message, _),) = problems(SYSTEM, f"{folder}/SYSTEM")
    assert (
        (kind, message[:41]) == ("unsupported", "it is an older copy of a registry hive (")
        if False
        else kind == "unsupported"
    )
    assert message.startswith("it is an older copy of a registry hive")


def test_transaction_logs_are_counted_and_not_opened() -> None:
    for name in ("Windows/System32/config/SYSTEM.LOG1", "NTUSER.DAT.LOG2", "SOFTWARE{11}.TM.blf"):
        for head in (b"", hive({}, kind=6)):
            assert unneeded(name, head) == "transaction logs of registry hives", name
    assert unneeded("SYSTEM.LOG1", b"+----+\n| Device State |\n+----+\n AzureAdJoined : NO\n") is None


def test_a_key_that_is_its_own_child_ends() -> None:
    """A list of keys that leads back to a key above it: as deep as the table asks, and no deeper."""
    at = node(b"CloudDomainJoin")
    own = at - 4 - BASE
    listed = struct.unpack_from("<I", SYSTEM, at + 28)[0] + BASE + 4
    data = hurt({listed + 4: struct.pack("<I", own)})
    assert len(found(data)) < 200


@given(st.lists(st.tuples(st.integers(0, len(SYSTEM) - 1), st.binary(min_size=1, max_size=5)), min_size=1, max_size=8))
def test_any_damage_is_read(changes: list[tuple[int, bytes]]) -> None:
    out = bytearray(SYSTEM)
    for at, piece in changes:
        out[at : at + len(piece)] = piece
    for one in parser.read(in_memory("SYSTEM", bytes(out[: len(SYSTEM)]))):
        assert isinstance(one, RegistryValue | Fact | Problem)


@given(st.integers(4, len(SYSTEM)))
def test_a_hive_that_is_cut_off_says_so(size: int) -> None:
    told = list(parser.read(in_memory("SYSTEM", SYSTEM[:size])))
    assert size == len(SYSTEM) or any(isinstance(one, Problem) for one in told)
    assert size == len(SYSTEM) or not any(isinstance(one, RegistryValue) and one.type == "absent" for one in told)


@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic(data: bytes) -> None:
    for one in parser.read(in_memory("SYSTEM", b"regf" + data)):
        assert isinstance(one, Problem)


def test_a_large_hive_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "SYSTEM"
    path.write_bytes(SYSTEM)
    small = [one for one in found(SYSTEM) if not isinstance(one, Problem)]
    monkeypatch.setattr(parser, "_MAPPED", 1000)
    mapped: list[object] = []
    real = mmap.mmap

    def spy(*given: object, **named: object) -> mmap.mmap:
        mapped.append(given)
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(mmap, "mmap", spy)

    def opened() -> BinaryIO:
        return open(path, "rb")

    one = Artifact("SYSTEM", len(SYSTEM), opened, str(path))
    assert list(parser.read(one)) == small
    assert len(mapped) == 1
    assert list(parser.read(in_memory("SYSTEM", SYSTEM))) == small


def test_both_forms_of_the_registry_tell_the_same() -> None:
    text = (
        "Windows Registry Editor Version 5.00\n\n"
        r"[HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control\CloudDomainJoin\JoinInfo" + f"\\{THUMB}]\n"
        f'"TenantId"="{TENANT}"\n"IdpDomain"="login.windows.net"\n"TransportKeyStatus"=dword:00000003\n'
    )
    from troubleshoot.decoding import sheet

    exported = {(one.key, one.name, one.type, one.value) for one in read_text(sheet("a.reg", text.encode()))}  # type: ignore[union-attr]
    assert exported < {(key, name, *told) for (key, name), told in values(SYSTEM).items()}


def test_one_hive_alone_is_diagnosed() -> None:
    result = diagnose_bytes("SYSTEM", SYSTEM, load())
    assert [(one.join_state, one.device.name, one.verdict) for one in result.reports] == [
        ("hybrid", "WKS-0427", "healthy")
    ]
