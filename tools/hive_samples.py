"""The registry of invented machines as keys for :mod:`tools.hive_writer`: what Azure disk inspection finds in a folder config."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

from tools.hive_writer import Keys, hive

THUMB = "6E1B0C9A47D25F38A0E4B7C1D93F5528E60A7714"
_ISSUED, _ENDS = datetime(2026, 3, 1, 7, 2, tzinfo=UTC), datetime(2036, 3, 1, 7, 32, tzinfo=UTC)


def system(
    host: str, tenant: str = "", domain: str = "corp.example", member: bool = True, numbers: tuple[int, int] = (1, 2)
) -> dict[str, dict[str, object]]:
    """The keys of SYSTEM; ``tenant``: of the join record, none where it is empty. ``numbers``: the present control set, another."""
    own = rf"ControlSet{numbers[0]:03d}"
    keys: dict[str, dict[str, object]] = {
        "Select": {"Current": numbers[0], "Default": numbers[0], "Failed": 0, "LastKnownGood": numbers[1]},
        rf"{own}\Control\ComputerName\ComputerName": {"ComputerName": host},
        rf"{own}\Control\CloudDomainJoin\Diagnostics": {},
        rf"{own}\Control\ProductOptions": {"ProductType": "WinNT"},
        rf"{own}\Services\Netlogon": {"Start": 2 if member else 3},
        rf"{own}\Services\dmwappushservice": {"Start": 3},
        rf"{own}\Services\Tcpip\Parameters": {"NV Hostname": host, "Domain": domain, "NV Domain": domain},
        rf"ControlSet{numbers[1]:03d}\Control\ProductOptions": {"ProductType": "ServerNT"},
    }
    if tenant:
        join = rf"{own}\Control\CloudDomainJoin"
        keys[rf"{join}\JoinInfo\{THUMB}"] = {
            "TenantId": tenant,
            "IdpDomain": "login.windows.net",
            "TransportKeyStatus": 3,
        }
        keys[rf"{join}\TenantInfo\{tenant}"] = {"DisplayName": "Contoso", "MdmEnrollmentUrl": ""}
    return keys


def software(host: str, device: str = "", scp: str = "", domain: str = "corp.example") -> dict[str, dict[str, object]]:
    """The keys of SOFTWARE; ``device``: the subject of the device's certificate, ``scp``: the tenant of the client-side SCP."""
    keys: dict[str, dict[str, object]] = {
        r"Classes\.txt": {"": "txtfile"},
        r"Microsoft\Windows NT\CurrentVersion": {
            "CurrentBuild": "26100",
            "UBR": 4061,
            "InstallationType": "Client",
            "ProductName": "Windows 10 Enterprise",
        },
        r"Microsoft\Windows NT\CurrentVersion\Winlogon": {
            "DefaultUserName": "ada",
            "DefaultPassword": "not to be read",
        },
        r"Microsoft\Windows\CurrentVersion\Internet Settings\Connections": {
            "WinHttpSettings": winhttp("proxy.corp.example:8080")
        },
        r"Microsoft\SystemCertificates\MY\Certificates": {},
    }
    if domain:
        keys[r"Microsoft\Windows\CurrentVersion\Group Policy\State\Machine"] = {
            "Distinguished-Name": f"CN={host},OU=Clients," + ",".join(f"DC={part}" for part in domain.split("."))
        }
    if scp:
        keys[r"Microsoft\Windows\CurrentVersion\CDJ\AAD"] = {"TenantId": scp, "TenantName": "contoso.com"}
    if device:
        keys[rf"Microsoft\SystemCertificates\MY\Certificates\{THUMB}"] = {"Blob": blob(device)}
    return keys


def config(
    host: str, tenant: str = "", device: str = "", scp: str = "", domain: str = "corp.example"
) -> dict[str, bytes]:
    """The files of a folder ``Windows/System32/config``: hives, and a transaction log."""
    first: Keys = system(host, tenant, domain)  # type: ignore[assignment]
    second: Keys = software(host, device, scp, domain)  # type: ignore[assignment]
    folder = "Windows/System32/config"
    return {
        f"{folder}/SYSTEM": hive(first, "SYSTEM"),
        f"{folder}/SYSTEM.LOG1": hive({}, "SYSTEM", kind=6),
        f"{folder}/SYSTEM.LOG2": b"",
        f"{folder}/SOFTWARE": hive(second, r"\SystemRoot\System32\Config\SOFTWARE"),
    }


def winhttp(server: str) -> bytes:
    """WinHttpSettings for a proxy; none: direct access."""
    flags = 3 if server else 1
    return struct.pack("<IIII", 0x28, 0, flags, len(server)) + server.encode() + struct.pack("<I", 0)


def blob(
    device: str, issuer: str = "MS-Organization-Access", provider: str = "Microsoft Platform Crypto Provider"
) -> bytes:
    """A certificate as the registry stores it: the name of the key's provider, then the certificate."""
    out = b""
    for number, data in ((2, f"{{key}}\0{provider}\0".encode("utf-16-le")), (32, certificate(device, issuer))):
        out += struct.pack("<III", number, 1, len(data)) + data
    return out


def certificate(subject: str, issuer: str) -> bytes:
    """The DER form of a certificate with these common names; its key and signature are zeros."""
    rsa = _der(0x30, _der(0x06, bytes.fromhex("2a864886f70d01010b")) + b"\x05\x00")
    stamps = b"".join(
        _der(
            0x17 if one.year < 2050 else 0x18,
            one.strftime("%y%m%d%H%M%SZ" if one.year < 2050 else "%Y%m%d%H%M%SZ").encode(),
        )
        for one in (_ISSUED, _ENDS)
    )
    body = _der(0xA0, _der(0x02, b"\x02")) + _der(0x02, b"\x5d\x0f\x3c\x1a") + rsa
    body += (
        _name(issuer, "net", "windows") + _der(0x30, stamps) + _name(subject) + _der(0x30, rsa + _der(0x03, bytes(270)))
    )
    return _der(0x30, _der(0x30, body) + rsa + _der(0x03, bytes(257)))


def _name(common: str, *domains: str) -> bytes:
    parts = [(bytes.fromhex("0992268993f22c640119"), 0x16, one) for one in domains] + [
        (bytes.fromhex("550403"), 0x0C, common)
    ]
    return _der(
        0x30, b"".join(_der(0x31, _der(0x30, _der(0x06, oid) + _der(tag, text.encode()))) for oid, tag, text in parts)
    )


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes(-(-size.bit_length() // 8), "big")
    return bytes((tag, 0x80 | len(length))) + length + content
