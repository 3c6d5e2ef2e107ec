"""Secrets in text: what must not leave the house, whoever it is sent to. For names of customers see :mod:`troubleshoot.redact`.

Files that exist to hold tokens are never read (``data/recognise.yaml``). What is found here stands in lines that hold it by accident:
a proxy with its password, a token in a debug line. The word before a secret stays, so the line still tells what it was.
"""

from __future__ import annotations

import re

WITHHELD = "[withheld]"
_WORDS = (
    r"pass(?:word|wd|phrase)?|pwd|(?:client|shared|app)?[_-]?secret(?:[_-]?value)?|api[_-]?key|shared[_-]?(?:access[_-]?)?key|account[_-]?key"
    r"|(?:access|refresh|id|bearer|session|sas|bulk)[_-]?token|client[_-]?assertion|assertion|saml[_-]?response|session[_-]?key"
    r"|x-ms-refreshtokencredential\w{0,4}|recovery[_-]?(?:password|key)|private[_-]?key|connection[_-]?string|authorization"
)
# No class here holds a quote or a backslash: a value inside JSON keeps its end.
_VALUE = r"[^\s\"'\\,;&<>]"
_SHAPES = re.compile(
    "|".join(
        (
            r"(?P<url>(?<=://)[^\s/:@\"'\\]{1,128}:[^\s/\"'\\]{1,256}(?=@))",
            r"(?P<pem>-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s]|\\[nr]){0,8192}"
            r"(?:-----END [A-Z ]{0,24}PRIVATE KEY-----)?)",
            r"(?P<jwt>(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{4,16384}(?:\.[A-Za-z0-9_.-]{0,16384})?)",
            r"(?P<opaque>(?<![A-Za-z0-9_.-])[01]\.A[A-Za-z0-9_-]{60,16384}(?:\.[A-Za-z0-9_.-]{1,16384})?)",  # refresh tokens and codes
            r"(?P<app>(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34})",  # client secrets
            r"(?P<bitlocker>(?<!\d)\d{6}(?:-\d{6}){7}(?!\d))",
            rf"(?P<said>(?<![A-Za-z])(?i:{_WORDS})(?:%3[dD]|(?:\\?[\"'])?\s{{0,2}}[:=]\s{{0,2}}|\s{{1,2}}(?=[A-Za-z0-9+/]{{20}}))(?:\\?[\"'])?"
            rf"(?P<scheme>(?i:basic|bearer|negotiate|ntlm)\s{{1,2}})?(?P<value>{_VALUE}{{3,8192}}))",
            r"(?P<bearer>(?<![A-Za-z])(?i:bearer|basic|negotiate)\s{1,2}(?=[^\s\"'\\]{0,64}\d)(?P<credential>[A-Za-z0-9._~+/-]{12,8192}={0,2}))",
            rf"(?P<signed>(?<=[?&])(?i:sig|code|token|nonce_token)=(?P<signature>{_VALUE}{{20,8192}}))",
            rf"(?P<option>(?<!\S)(?i:-|--|/)(?i:password|pwd|pass)\s{{1,2}}(?P<given>{_VALUE}{{3,256}}))",
        )
    )
)
_INSIDE = ("value", "credential", "signature", "given")
_MASKS = re.compile(
    r"[*x.#-]+|0x[0-9a-f]{1,8}|\[?(?:redacted|removed|withheld|masked|hidden|null|none|yes|no|true|false)\]?",
    re.IGNORECASE,
)


def conceal(text: str) -> tuple[str, tuple[str, ...]]:
    """``text`` with every secret replaced by ``[withheld]``, and the secrets that were."""
    secrets: list[str] = []

    def replaced(found: re.Match[str]) -> str:
        part = next((name for name in _INSIDE if found[name] is not None), None)
        if part is None:
            secrets.append(found[0])
            return WITHHELD
        if _MASKS.fullmatch(found[part]):
            return found[0]
        secrets.append(found[part])
        start, end = found.start(part) - found.start(), found.end(part) - found.start()
        return found[0][:start] + WITHHELD + found[0][end:]

    return _SHAPES.sub(replaced, text), tuple(secrets)
