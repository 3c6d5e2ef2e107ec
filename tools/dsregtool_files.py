"""Files of the ZIP that DSRegTool collects, with invented names: for samples and tests.

Most are written by PowerShell's ``Out-File`` (UTF-16 with mark), its log and the SCP texts by ``Add-Content`` (ANSI).
"""

from __future__ import annotations

TENANT = "11111111-2222-3333-4444-555555555555"
GUID = "22222222-3333-4444-5555-666666666666"
ANSI = (".log", "SCP-config-partition.txt", "SCP-client-side.txt")


def encoded(name: str, text: str) -> bytes:
    """The bytes of a file as the tool writes it."""
    return text.replace("\n", "\r\n").encode("cp1252" if name.endswith(ANSI) else "utf-16")


def log(
    *lines: str, option: str = "TroubleshootMicrosoft Entra hybrid joined option has been chosen"
) -> dict[str, str]:
    """DSRegTool.log of one run; an error begins with an exclamation mark."""
    text = "==========================================================\n" * 2
    head = (
        "DSRegTool 4.0 has started",
        "Device Name : WKS-0427",
        "User Account: corp\\ada, UPN: ada@corp.example",
        option,
    )
    for i, line in enumerate((*head, *lines)):
        level, message = ("ERROR", line[1:]) if line.startswith("!") else ("INFO", line)
        text += f"[2026-03-04 09:05:{i:02}.000] [{level}] {message}\n"
    return {"DSRegTool.log": text}


def version(build: str) -> dict[str, str]:
    """Winver.txt: OSVersion as a list."""
    kernel = "6.1" if int(build) < 9000 else "10.0"
    text = f"\nPlatform      : Win32NT\nServicePack   : \nVersion       : {kernel}.{build}.0\nVersionString : Microsoft Windows NT {kernel}.{build}.0\n"
    return {"Winver.txt": text}


def tasks(status_word: str, state: str, result: str = "0") -> dict[str, str]:
    """Task-Scheduler.txt: the wide table of the folder Workplace Join."""
    widths = (13, 40, 22, 15, 15, 22, 11, 10, 20, 10, 10, 20)
    labels = ("HostName", "TaskName", "Next Run Time", "Status", "Logon Mode", "Last Run Time", "Last Result", "Author")
    labels += ("Task To Run", "Start In", "Comment", "Scheduled Task State")
    row = (
        "WKS-0427",
        "Automatic-Device-Join",
        "N/A",
        status_word,
        "Interactive/Bac",
        "3/4/2026 9:18:21 AM",
        result,
        "N/A",
    )
    row += ("dsregcmd.exe", "N/A", "N/A", state)
    lines = ["", "Folder: \\Microsoft\\Windows\\Workplace Join"]
    lines += [" ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) for cells in (labels,)]
    lines += [" ".join("=" * width for width in widths)]
    lines += [" ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))]
    return {"Task-Scheduler.txt": "\n".join(lines) + "\n"}


def client_side(tenant: str = TENANT, name: str = "contoso.com") -> dict[str, str]:
    """SCP-client-side.txt; without tenant and name there is none."""
    if not tenant and not name:
        return {"SCP-client-side.txt": "Client-side registry setting for SCP is not configured\n"}
    text = (
        f"Client-side registry setting for SCP is configured as the following:\nTenantId:{tenant}\nTenantName:{name}\n"
    )
    return {"SCP-client-side.txt": text}


def forest(there: bool) -> dict[str, str]:
    """SCP-config-partition.txt: the keywords of the forest's SCP, or that there is none."""
    none = "Service Connection Point is not configured in configurationconfiguration partition\n"
    return {"SCP-config-partition.txt": f"azureADId:{TENANT}\nazureADName:contoso.com\n" if there else none}


def winhttp(server: str = "") -> dict[str, str]:
    """winHTTP.txt of a German device."""
    body = (
        f"    Proxyserver:  {server}\n    Umgehungsliste:  (Keine)\n"
        if server
        else "    Direktzugriff (kein Proxyserver).\n"
    )
    return {"winHTTP.txt": f"\nAktuelle WinHTTP-Proxyeinstellungen:\n\n{body}\n"}


def wininet(owner: str, server: str = "") -> dict[str, str]:
    """winInet-system.txt or winInet-user.txt."""
    enabled = "Yes" if server else "No"
    text = f"    Proxy Enabled : {enabled}\nProxy Server List : {server}\nProxy Bypass List : \n    AutoConfigURL : \n"
    return {f"winInet-{owner}.txt": text}


def endpoints(owner: str, failed: str = "") -> dict[str, str]:
    """TestDeviceRegConnectivity-system.txt or -user.txt."""
    hosts = ("login.microsoftonline.com", "device.login.microsoftonline.com", "enterpriseregistration.windows.net")
    lines = [f"Connection to {host} ........ {'failed.' if host == failed else 'Succeeded.'}" for host in hosts]
    return {f"TestDeviceRegConnectivity-{owner}.txt": "\n".join(lines) + "\n"}


def device_info(count: int, subject: str = GUID) -> dict[str, str]:
    """DeviceInfo.txt: the computer object in AD, with ``count`` certificates of ``subject``."""
    blocks = f"Handle  : 1234\nIssuer  : CN={subject}\nSubject : CN={subject}\n\n" * count
    text = (
        f"OS version         : 10.0.19045.0\nDevice Name        : WKS-0427\nObject GUID        : {GUID}\n"
        f"Distinguished Name : CN=WKS-0427,OU=Computers,DC=corp,DC=example\n\nUserCertificate count: {count} \n{blocks}"
    )
    return {"DeviceInfo.txt": text}


def registry(name: str, *keys: str) -> dict[str, str]:
    """A registry export, which the tool names .txt."""
    return {name: "Windows Registry Editor Version 5.00\n\n" + "\n".join(keys) + "\n"}
