"""Outputs of commands, in the languages they come in: exact facts, and nothing else."""

from __future__ import annotations

import pytest

from troubleshoot.model import Fact, Problem
from troubleshoot.parsers import parse_text


def facts(text: str, name: str = "output.txt") -> list[tuple[str, str, int | None]]:
    """Name, value and line of every fact; the text must give nothing else."""
    found = list(parse_text(name, text.encode(), None))
    assert all(isinstance(one, Fact) for one in found), found
    return [(one.name, one.value, one.source.line) for one in found if isinstance(one, Fact)]


def none(text: str, name: str = "output.txt") -> bool:
    """The text gives no fact, and says that nothing was found in it."""
    found = list(parse_text(name, text.encode(), None))
    return not any(isinstance(one, Fact) for one in found)


# ------------------------------------------------------------------------------------------------------- proxies

DIRECT = {
    "en": "Current WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n",
    "de": "Aktuelle WinHTTP-Proxyeinstellungen:\n\n    Direktzugriff (kein Proxyserver).\n",
    "fr": "Paramètres du proxy WinHTTP actuels :\n\n    Accès direct (pas de serveur proxy).\n",
    "ja": "現在の WinHTTP プロキシ設定:\n\n    直接アクセス (プロキシ サーバーなし)。\n",
}
NAMED = {
    "en": "Current WinHTTP proxy settings:\n\n    Proxy Server(s) :  {}\n    Bypass List     :  *.corp.example;<local>\n",
    "de": "Aktuelle WinHTTP-Proxyeinstellungen:\n\n    Proxyserver:  {}\n    Umgehungsliste:  (Keine)\n",
    "fr": "Paramètres du proxy WinHTTP actuels :\n\n    Serveur(s) proxy :  {}\n    Liste de contournement :  (aucun)\n",
    "ja": "現在の WinHTTP プロキシ設定:\n\n    プロキシ サーバー:  {}\n    バイパス一覧     :  (なし)\n",
}


@pytest.mark.parametrize("language", sorted(DIRECT))
def test_winhttp(language: str) -> None:
    assert facts("\n" + DIRECT[language]) == [("proxy.winhttp", "direct", 4)]
    for server in ("proxy.corp.example:8080", "http=proxy.corp.example:80;https=proxy.corp.example:8080", "proxy"):
        assert facts("\n" + NAMED[language].format(server)) == [
            ("proxy.winhttp", "named", 4),
            ("proxy.winhttp.server", server, 4),
        ]


@pytest.mark.parametrize(
    "text",
    [
        "I changed the WinHTTP proxy:\n    now it works (I think).\n",
        "Current WinHTTP proxy settings:\n",
        "Current WinHTTP proxy settings:\n\n\n\n\n\n\n\n\n\n    Direct access (no proxy server).\n",
        "[2026-03-04 08:16:10.214] [INFO] Checking winHTTP proxy settings...\n",
        "WinHTTP proxy: proxy.corp.example:8080\n",
    ],
)
def test_words_about_winhttp_are_no_setting(text: str) -> None:
    assert none(text)


def test_several_commands_in_one_file() -> None:
    text = (
        "netsh winhttp show proxy\n\n" + NAMED["en"].format("proxy.corp.example:8080") + "\n"
        "bitsadmin /util /getieproxy localsystem\n\nBITSADMIN version 3.0\n\n"
        "Internet proxy settings for account LocalSystem:\n\n    Proxy usage:  AUTODETECT\n\n"
        "bitsadmin /util /getieproxy networkservice\n\n    Proxy usage:  NO_PROXY\n"
    )
    found = [one for one in parse_text("WKS-0427_Proxy.txt", text.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value) for one in found] == [
        ("proxy.winhttp", "named"),
        ("proxy.winhttp.server", "proxy.corp.example:8080"),
        ("proxy.system", "auto"),
    ]
    assert found[2].account is not None
    assert found[2].account.kind == "system"


def test_a_change_of_the_proxy_is_no_reading() -> None:
    assert none(
        "bitsadmin /util /setieproxy localsystem NO_PROXY\nInternet proxy settings for account LocalSystem set to NO_PROXY.\n"
    )


def wininet(enabled: str, server: str = "", script: str = "") -> str:
    return f"    Proxy Enabled : {enabled}\nProxy Server List : {server}\nProxy Bypass List : \n    AutoConfigURL : {script}\n"


@pytest.mark.parametrize("owner", ["system", "user"])
@pytest.mark.parametrize(
    ("text", "value", "line"),
    [
        (wininet("No"), "direct", 1),
        (wininet("Yes", "proxy.corp.example:8080"), "named", 2),
        (wininet("No", "proxy.corp.example:8080"), "direct", 1),
        (wininet("Yes", "proxy.corp.example:8080", "http://proxy.corp.example/p.pac"), "script", 4),
    ],
)
def test_summary_of_wininet(owner: str, text: str, value: str, line: int) -> None:
    assert facts(text, f"logs/winInet-{owner}.txt") == [(f"proxy.{owner}", value, line)]
    assert none(text, "something.txt")


# -------------------------------------------------------------------------------------------------------- nltest

LOCATED = (
    "           DC: \\\\DC03.corp.example\n      Address: \\\\10.44.7.12\n     Dom Guid: 1c6e0f1e-7b3f-4d0c-8a0e-5f9b2b1de671\n"
    "     Dom Name: corp.example\n  Forest Name: corp.example\n        Flags: GC DS LDAP KDC TIMESERV WRITABLE\n"
    "The command completed successfully\n"
)
CHANNEL = "Flags: 30 HAS_IP  HAS_TIMESERV \nTrusted DC Name \\\\DC03.corp.example \nTrusted DC Connection Status Status = {}\nThe command completed successfully\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LOCATED, [("dc.located", "yes", 1)]),
        (LOCATED.replace("DC:", "Domänencontroller:").replace("Address", "Adresse"), [("dc.located", "yes", 1)]),
        (LOCATED.replace("DC:", "ドメイン コントローラー:").replace("Address", "アドレス"), [("dc.located", "yes", 1)]),
        (LOCATED.replace("10.44.7.12", "fd00::1:2"), [("dc.located", "yes", 1)]),
        ("Getting DC name failed: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN\n", [("dc.located", "no", 1)]),
        ("Fehler beim Abrufen des DC-Namens: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN\n", [("dc.located", "no", 1)]),
        ("Échec de l'obtention du contrôleur : Statut = 1355 0x54b ERROR_NO_SUCH_DOMAIN\n", [("dc.located", "no", 1)]),
        ("DsGetDcOpen failed: Status = 9003 0x232b DNS_ERROR_RCODE_NAME_ERROR\n", [("dc.located", "no", 1)]),
        (
            CHANNEL.format("0 0x0 NERR_Success"),
            [("secure-channel", "ok", 3), ("secure-channel.status", "0x00000000", 3)],
        ),
        (
            CHANNEL.format("1311 0x51f ERROR_NO_LOGON_SERVERS").replace("\\\\DC03.corp.example", ""),
            [("secure-channel", "broken", 3), ("secure-channel.status", "0x0000051f", 3)],
        ),
        (
            CHANNEL.format("5 0x5 ERROR_ACCESS_DENIED"),
            [("secure-channel", "broken", 3), ("secure-channel.status", "0x00000005", 3)],
        ),
        (
            CHANNEL.format("0 0x0 NERR_Success").replace(
                "The command", "Trust Verification Status = 1787 0x6fb ERROR_NO_TRUST_SAM_ACCOUNT\nThe command"
            ),
            [("secure-channel", "broken", 4), ("secure-channel.status", "0x000006fb", 4)],
        ),
        (
            CHANNEL.format("0 0x0 NERR_Success")
            .replace("Trusted DC Name", "Name des vertrauten DC")
            .replace("Trusted DC Connection Status", "Verbindung"),
            [("secure-channel", "ok", 3), ("secure-channel.status", "0x00000000", 3)],
        ),
        # Success and failure in one file: the last answer counts.
        ("Getting DC name failed: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN\n\n" + LOCATED, [("dc.located", "yes", 3)]),
    ],
)
def test_nltest(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert facts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Getting DC name failed: Status = 5 0x5 ERROR_ACCESS_DENIED\n",  # the question failed
        "Getting DC name failed: Status = 87 0x57 ERROR_INVALID_PARAMETER\n",
        "I_NetLogonControl failed: Status = 5 0x5 ERROR_ACCESS_DENIED\n",  # needs elevation
        "Flags: 0\nConnection Status = 0 0x0 NERR_Success\nThe command completed successfully\n",  # /dsregdns
        "The share is \\\\DC03.corp.example\nAddress: somewhere\n",
        "Server: \\\\DC03\n",
    ],
)
def test_what_nltest_does_not_tell(text: str) -> None:
    assert none(text)


# --------------------------------------------------------------------------------------------------------- klist


def ticket(number: int, service: str) -> str:
    return (
        f"#{number}>\tClient: wks-0427$ @ CORP.EXAMPLE\n\tServer: {service}\n\tKerbTicket Encryption Type: AES-256-CTS-HMAC-SHA1-96\n"
        "\tStart Time: 3/4/2026 8:11:02 (local)\n\tKdc Called: DC03.corp.example\n\n"
    )


TGT = "krbtgt/CORP.EXAMPLE @ CORP.EXAMPLE"
CLOUD_TGT = "krbtgt/KERBEROS.MICROSOFTONLINE.COM @ KERBEROS.MICROSOFTONLINE.COM"
OF_SYSTEM = "\nCurrent LogonId is 0:0x12ab34\nTargeted LogonId is 0:0x3e7\n\nCached Tickets: ({})\n\n"
OF_USER = "\nCurrent LogonId is 0:0x12ab34\n\nCached Tickets: ({})\n\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OF_SYSTEM.format(1) + ticket(0, TGT), [("kerberos.tgt.system", "present", 8)]),
        (OF_SYSTEM.format(0), [("kerberos.tgt.system", "missing", 5)]),
        (OF_SYSTEM.format(1) + ticket(0, "ldap/dc03 @ CORP.EXAMPLE"), [("kerberos.tgt.system", "missing", 5)]),
        (OF_USER.format(1) + ticket(0, TGT), [("kerberos.tgt.user", "present", 7)]),
        (
            OF_USER.format(2) + ticket(0, CLOUD_TGT) + ticket(1, "cifs/fs @ CORP.EXAMPLE"),
            [("kerberos.tgt.user", "missing", 4), ("kerberos.cloud-tgt", "present", 7)],
        ),
        (
            "Aktuelle Anmelde-ID ist 0:0x3e7\n\nZwischengespeicherte Tickets: (1)\n\n"
            + ticket(0, TGT).replace("Server", "Server"),
            [("kerberos.tgt.system", "present", 6)],
        ),
        (
            "L'ID d'ouverture de session actuel est 0:0x3e7\n\nTickets mis en cache : (0)\n",
            [("kerberos.tgt.system", "missing", 3)],
        ),
        ("現在のログオン ID: 0:0x3e7\n\nキャッシュされたチケット: (0)\n", [("kerberos.tgt.system", "missing", 3)]),
    ],
)
def test_klist(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert facts(text) == expected


def test_a_cut_list_of_tickets_does_not_tell_what_it_lacks() -> None:
    assert none(OF_SYSTEM.format(2) + ticket(0, "ldap/dc03 @ CORP.EXAMPLE"))


@pytest.mark.parametrize(("policy", "tgt"), [(0, 0), (1, 0), (1, 1)])
def test_klist_cloud_debug(policy: int, tgt: int) -> None:
    text = (
        "\nCurrent LogonId is 0:0x12ab34\nCloud Kerberos Debug info:\n\n"
        f"Cloud Kerberos enabled by policy: {policy}\nAS_REP callback received: 1\nCloud Referral TGT present in cache: 1\n"
        f"Cloud Primary (Hybrid logon) TGT available: {tgt}\n"
    )
    found = [one for one in parse_text("x.txt", text.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value, one.source.line) for one in found] == [
        ("kerberos.cloud-policy", ("disabled", "enabled")[policy], 5),
        ("kerberos.cloud-tgt", ("missing", "present")[tgt], 8),
    ]
    assert none(text.replace("0x12ab34", "0x3e7"))


# -------------------------------------------------------------------------------------------------- certificates

DEVICE = "3b0d9a77-5c1e-4e0a-8f62-91d7c2a6e450"


def certutil(
    number: int = 0, issuer: str = "MS-Organization-Access", provider: str = "Microsoft Platform Crypto Provider",
    end: str = "Encryption test passed", dates: tuple[str, str] = ("3/1/2026 7:02 AM", "3/1/2036 7:32 AM"),
    words: tuple[str, ...] = ("Certificate", "Issuer", "NotBefore", "NotAfter", "Subject", "Provider"),
) -> str:  # fmt: skip
    return (
        f"================ {words[0]} {number} ================\nSerial Number: 5d0f3c1a8e7744b09a2be61f0c93d7a5\n"
        f"{words[1]}: CN={issuer}, DC=windows, DC=net\n {words[2]}: {dates[0]}\n {words[3]}: {dates[1]}\n"
        f"{words[4]}: CN={DEVICE}\nCert Hash(sha1): 6e1b0c9a47d25f38a0e4b7c1d93f5528e60a7714\n"
        f"  {words[5]} = {provider}\n{end}\n\n"
    )


def certificate(provider: str | None, key: str | None, end: str | None, line: int = 2) -> list[tuple[str, str, int]]:
    found = [("certificate.device", "present", line + 2), ("certificate.device.subject", DEVICE, line + 5)]
    found += [("certificate.device.provider", provider, line + 7)] if provider else []
    found += [("certificate.device.key", key, line + 8)] if key else []
    return found + ([("certificate.device.not-after", end, line + 4)] if end else [])


GERMAN_CERT = ("Zertifikat", "Aussteller", "Nicht vor", "Nicht nach", "Antragsteller", "Anbieter")
FRENCH_CERT = ("Certificat", "Émetteur", "NotBefore", "NotAfter", "Objet", "Fournisseur")
JAPANESE_CERT = ("証明書", "発行者", "この日以降", "この日以前", "サブジェクト", "プロバイダー")
HEAD = 'my "Personal"\n'
ENDS = "2036-03-01T07:32:00-12:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + certutil(), certificate("tpm", "usable", ENDS)),
        (HEAD + certutil(provider="Microsoft Software Key Storage Provider"), certificate("software", "usable", ENDS)),
        (HEAD + certutil(provider="Contoso Smart Card Provider"), certificate("other", "usable", ENDS)),
        (HEAD + certutil(end="Missing stored keyset"), certificate("tpm", "unusable", ENDS)),
        (HEAD + certutil(end="Keyset does not exist 0x80090016 (-2146893802 NTE_BAD_KEYSET)"), certificate("tpm", "unusable", ENDS)),
        (HEAD + certutil(end="Something in no known language"), certificate("tpm", None, ENDS)),
        (
            'my "Eigene Zertifikate"\n' + certutil(words=GERMAN_CERT, dates=("01.03.2026 07:02", "01.03.2036 07:32"), end="Verschlüsselungstest wurde durchgeführt"),
            certificate("tpm", "usable", ENDS),
        ),
        (
            'my "Personnel"\n' + certutil(words=FRENCH_CERT, dates=("20/03/2026 07:02", "01/03/2036 07:32"), end="Le test de chiffrement a réussi"),
            certificate("tpm", "usable", ENDS),
        ),
        (
            'my "個人"\n' + certutil(words=JAPANESE_CERT, dates=("2026/03/01 7:02", "2036/03/01 7:32"), end="暗号化テストに合格しました"),
            certificate("tpm", "usable", ENDS),
        ),
        (HEAD + certutil(dates=("3/1/2026 7:02 PM", "3/1/2036 7:32 PM")), certificate("tpm", "usable", "2036-03-01T19:32:00-12:00")),
        # Neither date tells day from month: the later reading, as the certificate may still be good.
        (HEAD + certutil(dates=("01/03/2026 07:02", "01/03/2036 07:32")), certificate("tpm", "usable", "2036-03-01T07:32:00-12:00")),
        (HEAD + certutil(dates=("03/01/2026 07:02", "03/01/2036 07:32")), certificate("tpm", "usable", "2036-03-01T07:32:00-12:00")),
        (HEAD + certutil(dates=("yesterday", "tomorrow")), certificate("tpm", "usable", None)),
        (HEAD + certutil(0, "MS-Organization-P2P-Access [2026]") + certutil(1), certificate("tpm", "usable", ENDS, 12)),
        # Two of the device: the one that ends last is in use.
        (
            HEAD + certutil(0, dates=("3/1/2016 7:02 AM", "3/1/2026 7:32 AM"), end="Missing stored keyset") + certutil(1),
            certificate("tpm", "usable", ENDS, 12),
        ),
    ],
)  # fmt: skip
def test_certutil(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert facts(text + "CertUtil: -store command completed successfully.\n") == expected


VERBOSE = (
    'my "Personal"\n================ Certificate 0 ================\nX509 Certificate:\nVersion: 3\nSerial Number: 5d0f\n'
    "Signature Algorithm:\n    Algorithm ObjectId: 1.2.840.113549.1.1.11 sha256RSA\nIssuer:\n    CN=MS-Organization-Access\n    DC=windows\n"
    f" NotBefore: 3/1/2026 7:02 AM\n NotAfter: 3/1/2036 7:32 AM\n\nSubject:\n    CN={DEVICE}\n  Name Hash(sha1): 1f\n"
    "  Provider = Microsoft Platform Crypto Provider\nEncryption test passed\nCertUtil: -store command completed successfully.\n"
)


def test_certutil_with_all_details() -> None:
    assert facts(VERBOSE) == [
        ("certificate.device", "present", 9),
        ("certificate.device.subject", DEVICE, 15),
        ("certificate.device.provider", "tpm", 17),
        ("certificate.device.key", "usable", 18),
        ("certificate.device.not-after", ENDS, 12),
    ]


def test_a_certificate_is_missing_only_in_the_store_of_the_computer() -> None:
    text = HEAD + certutil(issuer="Contoso Issuing CA") + "CertUtil: -store command completed successfully.\n"
    assert facts(text, "authlogs/Certinfo_and_Certenroll/Machine-Store.txt") == [("certificate.device", "missing", 1)]
    found = [
        one
        for one in parse_text("note.txt", ("C:\\>certutil -store My\n" + text).encode(), None)
        if isinstance(one, Fact)
    ]
    assert [(one.name, one.value, one.source.line) for one in found] == [("certificate.device", "missing", 2)]
    assert none("C:\\>certutil -user -store My\n" + text)
    assert none(text, "(7) Command windir_system32_certutil_exe_-store_-user_my output.log")
    assert none(text, "authlogs/Certinfo_and_Certenroll/User-Store.txt")
    assert none(text)
    assert none(
        'CA "Intermediate Certification Authorities"\n' + text[len(HEAD) :],
        "(6) Command certutil_exe_-store output.log",
    )


def test_the_certificate_of_a_registered_user_is_not_the_devices() -> None:
    assert none(HEAD + certutil(), "authlogs/Certinfo_and_Certenroll/User-Store.txt")


def test_certificates_of_powershell() -> None:
    block = (
        f"Subject      : CN={DEVICE}\nIssuer       : CN=MS-Organization-Access, DC=windows, DC=net\nThumbprint   : 6E1B\n"
        "FriendlyName : \nNotBefore    : 3/1/2026 7:02:11 AM\nNotAfter     : 3/1/2036 7:32:11 AM\nHasPrivateKey : {}\n"
    )
    expected = [
        ("certificate.device", "present", 2),
        ("certificate.device.subject", DEVICE, 1),
        ("certificate.device.not-after", "2036-03-01T07:32:11-12:00", 6),
    ]
    assert facts(block.format("True")) == expected
    assert facts(block.format("False")) == [*expected[:2], ("certificate.device.key", "unusable", 7), expected[2]]


# ------------------------------------------------------------------------------------------------ Windows, accounts


def systeminfo(product: str, role: str, version: str = "10.0.26100 N/A Build 26100") -> str:
    return (
        f"\nHost Name:                 WKS-0427\nOS Name:                   {product}\nOS Version:                {version}\n"
        f"OS Manufacturer:           Microsoft Corporation\nOS Configuration:          {role}\nOS Build Type:             Multiprocessor Free\n"
        "System Boot Time:          3/4/2026, 7:02:11 AM\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (systeminfo("Microsoft Windows 11 Enterprise", "Member Workstation"), [("os.build", "26100", 4), ("os.kind", "client", 3)]),
        (systeminfo("Microsoft Windows Server 2022 Standard", "Member Server", "10.0.20348 N/A Build 20348"), [("os.build", "20348", 4), ("os.kind", "server", 3)]),
        (
            systeminfo("Microsoft Windows Server 2022 Standard", "Primary Domain Controller", "10.0.20348 N/A Build 20348"),
            [("os.build", "20348", 4), ("os.kind", "domain-controller", 6)],
        ),
        (
            "Hostname:                                      WKS-0427\nBetriebssystemname:                            Microsoft Windows 7 Professional\n"
            "Betriebssystemversion:                         6.1.7601 Service Pack 1 Build 7601\nBetriebssystemhersteller:                      Microsoft Corporation\n"
            "Betriebssystemkonfiguration:                   Mitgliedsarbeitsstation\n",
            [("os.build", "7601", 3), ("os.kind", "client", 2)],
        ),
        (
            "Nom de l’hôte:                              DC03\nNom du système d’exploitation:              Microsoft Windows Server 2019 Standard\n"
            "Version du système:                         10.0.17763 N/A build 17763\nFabricant du système d’exploitation:        Microsoft Corporation\n"
            "Configuration du système d’exploitation:    Contrôleur principal de domaine\n",
            [("os.build", "17763", 3), ("os.kind", "domain-controller", 5)],
        ),
        (
            "ホスト名:               WKS-0427\nOS 名:                  Microsoft Windows 10 Enterprise\nOS バージョン:          10.0.19045 N/A ビルド 19045\n"
            "OS 製造元:              Microsoft Corporation\nOS 構成:                メンバー ワークステーション\n",
            [("os.build", "19045", 3), ("os.kind", "client", 2)],
        ),
        ("Microsoft Windows [Version 10.0.22631.3155]\n", [("os.build", "22631", 1)]),
        ("Microsoft Windows [版本 10.0.19045.4046]\n", [("os.build", "19045", 1)]),
        ("\nPlatform      : Win32NT\nServicePack   : \nVersion       : 10.0.19045.0\nVersionString : Microsoft Windows NT 10.0.19045.0\n", [("os.build", "19045", 5)]),
        ("CurrentBuild              : 19045\nCurrentBuildNumber        : 19045\nInstallationType          : Client\n", [("os.build", "19045", 1), ("os.server-core", "no", 3), ("os.kind", "client", 3)]),
        ("CurrentBuild     : 17763\nInstallationType : Server Core\n", [("os.build", "17763", 1), ("os.server-core", "yes", 2), ("os.kind", "server", 2)]),
    ],
)  # fmt: skip
def test_windows(text: str, expected: list[tuple[str, str, int]]) -> None:
    found = [one for one in parse_text("x.txt", text.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value, one.source.line) for one in found] == expected


GROUPS = (
    "\nGROUP INFORMATION\n-----------------\n\nGroup Name                             Type             SID          Attributes\n"
    "====================================== ================ ============ ==================================================\n"
    "Everyone                               Well-known group S-1-1-0      Mandatory group, Enabled by default, Enabled group\n"
    "{}"
    "Mandatory Label\\Medium Mandatory Level Label            S-1-16-8192\n"
)
ADMIN = "VORDEFINIERT\\Administratoren           Alias            S-1-5-32-544 Gruppe, die nur zum Verweigern verwendet wird\n"


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        (GROUPS.format(ADMIN), "yes", None),
        (GROUPS.format(""), "no", None),
        ("User Name SID\n========= ===\nCORP\\ada S-1-5-21-1-2-3-1104\n" + GROUPS.format(""), "no", "unknown"),
        ("Benutzername SID\n===== ===\nazuread\\ada S-1-12-1-1-2-3-4\n" + GROUPS.format(ADMIN), "yes", "entra"),
    ],
)
def test_whoami(text: str, value: str, kind: str | None) -> None:
    found = [one for one in parse_text("whoami.txt", text.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value, one.account and one.account.kind) for one in found] == [
        ("account.administrator", value, kind)
    ]


@pytest.mark.parametrize(
    "text",
    [
        GROUPS.format("").rpartition("Mandatory")[0],  # cut off: the rest may hold the group
        "NT AUTHORITY\\SYSTEM S-1-5-18\n" + GROUPS.format(ADMIN),  # SYSTEM is no user
        "The group S-1-5-32-544 is the administrators'.\n",
    ],
)
def test_what_whoami_does_not_tell(text: str) -> None:
    assert none(text)


def device_info(guid: str, count: int, subjects: list[str]) -> str:
    blocks = "".join(f"Handle  : 1234\nIssuer  : CN={one}\nSubject : CN={one}\n\n" for one in subjects)
    return (
        f"OS version         : 10.0.19045.0\nDevice Name        : WKS-0427\nObject GUID        : {guid}\n"
        f"Distinguished Name : CN=WKS-0427,OU=Computers,DC=corp,DC=example\n\nUserCertificate count: {count} \n{blocks}"
    )


USER_CERTIFICATE = "certificate.userCertificate"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (device_info(DEVICE, 0, []), [(USER_CERTIFICATE, "missing", 6), (f"{USER_CERTIFICATE}.count", "0", 6)]),
        (
            device_info(DEVICE, 1, [DEVICE]),
            [
                (USER_CERTIFICATE, "present", 6),
                (f"{USER_CERTIFICATE}.count", "1", 6),
                (f"{USER_CERTIFICATE}.valid", "yes", 9),
            ],
        ),
        (
            device_info(DEVICE, 2, ["11111111-2222-3333-4444-555555555555", "other"]),
            [
                (USER_CERTIFICATE, "present", 6),
                (f"{USER_CERTIFICATE}.count", "2", 6),
                (f"{USER_CERTIFICATE}.valid", "no", 9),
            ],
        ),
        (device_info("", 0, []), []),  # the object was not read: no certificate was seen, and none can be missed
    ],
)
def test_device_info(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert facts(text, "DeviceInfo.txt") == [("os.build", "19045", 1), *expected]


# -------------------------------------------------------------------------------------------------- connectivity

LOGIN = "Connection to login.microsoftonline.com .............. Succeeded."
DEVICE_LOGIN = "Connection to device.login.microsoftonline.com ......  Succeeded."
REGISTRATION = "Connection to enterpriseregistration.windows.net ..... Succeeded."
NO_LOGIN = "Connection to login.microsoftonline.com ................. failed."
NO_REGISTRATION = "Connection to enterpriseregistration.windows.net ........ failed."


@pytest.mark.parametrize("owner", ["system", "user"])
def test_connectivity_of_an_account(owner: str) -> None:
    text = "\n".join((LOGIN, DEVICE_LOGIN, NO_REGISTRATION))
    assert facts(text, f"logs/TestDeviceRegConnectivity-{owner}.txt") == [
        (f"endpoint.login.{owner}", "reachable", 1),
        (f"endpoint.device-login.{owner}", "reachable", 2),
        (f"endpoint.enterpriseregistration.{owner}", "unreachable", 3),
    ]


def test_connectivity_of_nobody_known() -> None:
    assert none("\n".join((LOGIN, NO_REGISTRATION)))


def test_the_verdict_tells_the_account() -> None:
    text = f"{LOGIN}\n{NO_REGISTRATION}\nTest failed: device is not able to communicate with MS endpoints under system account\n"
    found = [one for one in parse_text("note.txt", text.encode(), None) if isinstance(one, Fact)]
    assert [one.name for one in found] == ["endpoint.login.system", "endpoint.enterpriseregistration.system"]
    text = f"{NO_LOGIN}\nTest failed: user is not able to communicate with MS endpoints\n"
    found = [one for one in parse_text("note.txt", text.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value) for one in found] == [("endpoint.login.user", "unreachable")]


def stamped(*lines: str) -> str:
    return "".join(
        f"[2026-03-04 08:16:{10 + i}.214] {'' if line.startswith('[') else '[INFO] '}{line}\n"
        for i, line in enumerate(lines)
    )


def test_a_late_success_hides_that_winhttp_fails() -> None:
    text = stamped(
        "Testing connection via winHTTP proxy...",
        LOGIN,
        "[WARN] Connection failed via winHTTP, trying winInet...",
        NO_LOGIN,  # without the proxy that reached it
        DEVICE_LOGIN,
        REGISTRATION,
    )
    found = [one for one in parse_text("Test-DeviceRegConnectivity.log", text.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value, one.source.line) for one in found] == [
        ("endpoint.login.system", "reachable", 2),
        ("endpoint.by-winhttp.system", "unreachable", 3),
    ]
    assert all(one.time is not None and one.time.tzinfo is not None for one in found)


def test_bare_connections() -> None:
    table = (
        "{}\nComputerName                        RemotePort RemoteAddress TcpTestSucceeded\n"
        "------------                        ---------- ------------- ----------------\n"
        "login.microsoftonline.com                  443 20.190.159.23             True\n"
        "autologon.microsoftazuread-sso.com         443 20.190.159.24            False\n"
        "adfs.contoso.com                           443                          False\n"
    )
    found = [
        one for one in parse_text("t.txt", table.format("NT AUTHORITY\\SYSTEM").encode(), None) if isinstance(one, Fact)
    ]
    assert [(one.name, one.value) for one in found] == [("endpoint.login.system", "reachable")]
    found = [one for one in parse_text("t.txt", table.format("").encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value) for one in found] == [
        ("endpoint.login.user", "reachable"),
        ("endpoint.autologon.user", "not-direct"),
    ]
    odc = "Able to connect to port 443 on host enterpriseregistration.windows.net :   True\n"
    assert facts(odc) == [("endpoint.enterpriseregistration.user", "reachable", 1)]
    listed = (
        "ComputerName     : enterpriseregistration.windows.net\nRemoteAddress    : 20.190.159.23\nRemotePort       : 443\n"
        "InterfaceAlias   : Ethernet\nTcpTestSucceeded : False\n"
    )
    found = [one for one in parse_text("t.txt", listed.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value) for one in found] == [("endpoint.enterpriseregistration.user", "not-direct")]


def test_problem_of_a_text_that_holds_nothing() -> None:
    (only,) = parse_text("x.txt", b"Wi-Fi adapter: connected\n", None)
    assert isinstance(only, Problem)
