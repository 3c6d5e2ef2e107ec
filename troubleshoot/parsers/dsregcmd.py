"""``dsregcmd /status`` output, as Windows prints it and as it arrives.

    +----------------------------------------------------------------------+
    | Device State                                                         |
    +----------------------------------------------------------------------+

                 AzureAdJoined : NO
              EnterpriseJoined : NO
                  DomainJoined : YES

Lines that Windows printed are read by one split and one look-up each; only lines that do not fit go through the readings
of :mod:`troubleshoot.parsers.dsreglines`. Sections and labels: ``data/dsreg_labels.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from troubleshoot import times
from troubleshoot.model import Account, Capture, Field, Problem, Sheet, Source
from troubleshoot.parsers import dsreglines as lines_of
from troubleshoot.tables import Label, squeeze

_SIGNS = ("AzureAdJoined", "DomainJoined", "ErrorCode", "Device State", "SSO State", "dsregcmd")
_FOOTER = ("for more information, please visit", "diagnostics reference")
_CONSOLE_WIDTHS = frozenset({80, 100, 120, 132, 150, 160, 200, 237, 240})
_WRAPS = frozenset({"text", "url", "list", "time", "range"})
# Fields that say more than their value: where a capture begins again, and whose token a diagnosis is of.
_SPECIAL = frozenset(
    {"AzureAdJoined", "EnterprisePrt", "EnterprisePrtUpdateTime", "EnterprisePrtExpiryTime", "EnterprisePrtAuthority"}
)
# Lines the token service puts into its error description, each on a line of its own.
_DESCRIPTION = "PrtServerErrorDescription"
_DESCRIPTION_LINES = ("trace id", "correlation id", "timestamp")


_PLAIN = lines_of.PLAIN_VALUES
_make = tuple.__new__
_RULE = f"+{'-' * 70}+"
_TITLES: dict[str, str] = {}  # header lines met, as printed, with the section each opens
_Printed: TypeAlias = tuple[Label, str, str, str | None, bool]
_Met: TypeAlias = dict[str, _Printed]
_MET: dict[str, _Met] = {}  # by section: whole lines met whose value is a word of few (YES, NOT SET), taken apart
_MOST_MET = 500  # of a section, so that no input makes the memory grow


def looks_like(sheet: Sheet) -> bool:
    """Could there be dsregcmd output? False only where none of its labels stands in the text."""
    text = sheet.text
    if any(sign in text for sign in _SIGNS):
        return True
    folded = squeeze(text[:2_000_000])
    return any(name in folded for name in lines_of.index().squeezed if len(name) > 8)


def read(sheet: Sheet) -> Iterator[Capture | Problem]:
    """Every capture in the sheet, in the order they stand. Marks the lines it read as taken."""
    reader = _Reader(sheet)
    reader.run()
    yield from reader.captures


def read_apart(sheet: Sheet) -> tuple[list[Capture], str]:
    """The captures of a sheet that may hold nothing else, and the lines that are none of what dsregcmd prints."""
    reader = _Reader(sheet)
    reader.run()
    return reader.captures, "\n".join(reader.odd)


class _Reader:
    """One pass over a sheet; the current capture, section and field are its state."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.captures: list[Capture] = []
        self.odd: list[str] = []
        self.index = lines_of.index()
        self._new()

    def _new(self) -> None:
        self.fields: list[Field] = []
        self.named: dict[str, Field] = {}
        self.sections: dict[str, bool] = {}
        self.section: str | None = None
        self.table: dict[str, Label] = {}
        self.met: _Met = {}
        self.first_line: int | None = None
        self.last: Label | None = None  # label of the newest field, None when the next line cannot continue it
        self.last_raw = ""
        self.enterprise = False  # the EnterprisePrt lines have been met: a token diagnosis below belongs to AD FS
        self.build = 0
        self.cut = False

    def run(self) -> None:
        taken = self.sheet.taken
        before = frozenset(taken)
        for number, line in enumerate(self.sheet.lines):
            if before and number in before:
                self.last = None
            elif not line or line.isspace():
                if self.last is not None and self.last.name != _DESCRIPTION:
                    self.last = None
            elif line == _RULE:
                self.last = None
            elif (known := self.met.get(line) or self._printed(line)) is None:
                self._no_field(number, line)
            else:
                label, text, value, missing, special = known
                if special:
                    self._add(label, text, value, number, line)
                    continue
                # Half the cost of Field(...), and this is the busiest line.
                field = _make(Field, (self.section, text, label.name, value, missing, number + 1))
                self.fields.append(field)
                self.named.setdefault(label.name, field)
                if label.since > self.build:
                    self.build = label.since
                self.last, self.last_raw = label, line
                taken.add(number)
        self._finish()

    def _printed(self, line: str) -> _Printed | None:
        """A field as Windows prints it: its label, that as printed, the value, why it is none, and whether it says more.

        None for any other line.
        """
        text, separator, value = line.partition(" : ")
        if not separator or " : " in value:
            return None
        text = text.strip()
        label = self.table.get(text)
        if label is None:
            return None
        value = value.strip()
        plain = value in _PLAIN
        missing = None if plain else lines_of.absence(value)
        known = label, text, value, missing, label.name in _SPECIAL or label.block is not None
        if (plain or missing) and len(self.met) < _MOST_MET and len(line) < 100:
            self.met[line] = known  # other devices print it too, unlike a name or a time
        return known

    def _no_field(self, number: int, line: str) -> None:
        """A rule, a header or the footer as Windows prints them, or a line that has to be looked at closely."""
        title = _TITLES.get(line)
        if title is None and line.startswith("| ") and line.rstrip().endswith(" |"):
            title = lines_of.section_title(line.strip("| \t\r"))
            if title is not None and len(_TITLES) < 200:
                _TITLES[line] = title
        if title is not None:
            self._open(title, number)
            return
        if line.startswith("+--") and line.strip("+- ") == "":
            self.last = None
            return
        if line.strip().casefold().startswith(_FOOTER):
            self.last = None
            self.sheet.taken.add(number)
            return
        self.odd.append(line)
        self._other(number, line)

    # ------------------------------------------------------------------------------------------------- lines

    def _other(self, number: int, line: str) -> None:
        """A line that is no field of the current section as Windows prints it."""
        for piece in lines_of.pieces(line):
            self._piece(number, piece)

    def _piece(self, number: int, line: str) -> None:
        stripped = line.strip()
        if not stripped:
            return
        if stripped.startswith("|") and self._bar_line(number, stripped):
            return
        if self._continues(line, stripped):
            self._extend(stripped, line, number)
            return
        if lines_of.is_elision(stripped):
            self.cut, self.last = True, None
            return
        if lines_of.is_rule(stripped):
            self.last = None
            return
        text = lines_of.plain(line)
        if "|" in text and self._collapsed(number, text):
            return
        if self._prompt(number, line):
            return
        parts = lines_of.several(text) if text.count(":") > 1 else [text]
        for part in parts:
            self._part(number, part, line)

    def _bar_line(self, number: int, stripped: str) -> bool:
        """``| Title |``, or a row of a table; False for anything else."""
        inner = stripped.strip("|").strip()
        title = lines_of.section_title(inner)
        if title is None and "|" not in inner and not stripped.endswith("|") and len(inner) > 3:
            title = self._begun_title(inner)
        if title is not None:
            self._open(title, number)
            return True
        if not stripped.endswith("|") or "|" not in inner:
            return False
        cells = [lines_of.plain(cell).strip() for cell in inner.split("|")]
        if len(cells) == 2 and lines_of.candidates(cells[0]) and ":" not in cells[0]:
            self._part(number, f"{cells[0]} : {cells[1]}", stripped)
            return True
        for cell in cells:
            for part in lines_of.several(cell):
                self._part(number, part, stripped, strict=True)
        return True

    def _begun_title(self, inner: str) -> str | None:
        """The title of a header line that was cut off in the middle."""
        start = squeeze(inner)
        found = [title for key, title in self.index.sections.items() if key.startswith(start)]
        return found[0] if len(found) == 1 and len(start) > 5 else None

    def _collapsed(self, number: int, text: str) -> bool:
        """A header that lost its line ends: ``+---+ | Device State | +---+ AzureAdJoined : YES ...``."""
        parts = [part.strip(" +-—–\t") for part in text.split("|")]
        if not any(lines_of.section_title(part) for part in parts):
            return False
        for part in parts:
            title = lines_of.section_title(part)
            if title is not None:
                self._open(title, number)
            elif part:
                for one in lines_of.several(part):
                    self._part(number, one.rstrip(" +-—–"), text)
        return True

    def _prompt(self, number: int, line: str) -> bool:
        """A command prompt ends the output before it; one that runs dsregcmd begins the next capture."""
        folded = line.casefold()
        if "dsregcmd" not in folded or (">" not in line and "$" not in line and "&gt;" not in line):
            return False
        if lines_of.several(lines_of.plain(line)) != [lines_of.plain(line)]:
            return False
        if self.fields and ("status" in folded):
            self._finish()
        self.last = None
        return True

    def _part(self, number: int, text: str, raw: str, strict: bool = False) -> None:
        """One cleaned ``label : value``, a bare title, or something that is neither."""
        found = lines_of.split_field(text)
        if found is None:
            title = lines_of.section_title(text) if len(text) < 60 else None
            if title is not None and not strict:
                self._open(title, number)
                return
            self._neither(text)
            return
        label, value = found
        known = self._resolve(label, " : " in raw)
        if known is None:
            inside = self.section is not None and raw[:2].isspace() and " : " in raw and not strict
            if inside and len(label.split()) <= 4 and len(label) <= 40:
                self._add(None, label, value, number, raw)
            else:
                self._neither(text)
            return
        self._add(known, label, value, number, raw)

    def _neither(self, text: str) -> None:
        folded = text.strip().casefold()
        self.last = None
        if folded.startswith(_FOOTER):
            return
        start = squeeze(text)
        # The text ends inside a label: what follows was cut off with it.
        if start and len(text.strip()) < 40 and any(key.startswith(start) for key in self.index.squeezed):
            self.cut = True

    # ------------------------------------------------------------------------------------------ continuations

    def _continues(self, line: str, stripped: str) -> bool:
        """Is this line the rest of the value above it, broken by the console's width or by the service's own lines?"""
        last = self.last
        if last is None or not self.fields:
            return False
        if last.name in ("PrtServerErrorDescription", "EnterprisePrtServerErrorDescription", "ServerMessage"):
            return stripped.casefold().startswith(_DESCRIPTION_LINES) or not self._has_own_label(stripped)
        if last.type not in _WRAPS or len(self.last_raw.rstrip("\r")) < 70 or line.startswith(("|", "+-", "PS ")):
            return False
        return not self._has_own_label(stripped)

    def _has_own_label(self, stripped: str) -> bool:
        text = lines_of.plain(stripped)
        found = lines_of.split_field(text)
        if found is not None and self._resolve(found[0], " : " in stripped) is not None:
            return True
        return (
            lines_of.section_title(text.strip("| ")) is not None
            or lines_of.is_rule(stripped)
            or lines_of.is_elision(stripped)
            or stripped.casefold().startswith(_FOOTER)
            or "dsregcmd" in stripped.casefold()
            or len(lines_of.several(text)) > 1
        )

    def _extend(self, stripped: str, raw: str, number: int) -> None:
        field = self.fields[-1]
        # A console breaks at its width, in the middle of a word; an editor breaks at a blank, which it drops.
        joined = len(self.last_raw) in _CONSOLE_WIDTHS or (self.last is not None and self.last.type in ("url", "list"))
        mid_word = self.last_raw[-1:].islower() and stripped[:1].islower() and len(field.text.rpartition(" ")[2]) < 3
        glue = "" if joined or (mid_word and self.last is not None and self.last.name != _DESCRIPTION) else " "
        text = (field.text + glue + stripped).strip()
        longer = field._replace(text=text, absence=lines_of.absence(text))
        self.fields[-1] = longer
        if field.name and self.named.get(field.name) is field:
            self.named[field.name] = longer
        self.last_raw = raw
        self.sheet.taken.add(number)

    # ------------------------------------------------------------------------------------------------- fields

    def _resolve(self, label: str, as_printed: bool) -> Label | None:
        """The known label that ``label`` is here, by section and block; None when it is none or cannot be told."""
        exact = self.table.get(label)
        if exact is not None:
            return exact
        found = lines_of.candidates(label)
        if not found:
            return None
        key = lines_of.section_key(self.section)
        here = [one for one in found if key in (squeeze(one.section), *map(squeeze, one.also))]
        if squeeze(label) in lines_of.GENERIC:
            return here[0] if here and as_printed else None
        if len(found) == 1:
            return found[0]
        same = [one for one in here or found if one.label.casefold() == label.casefold()] or here or list(found)
        return same[0]

    def _add(self, known: Label | None, label: str, text: str, number: int, raw: str) -> None:
        if known is not None and known.name == "AzureAdJoined" and "AzureAdJoined" in self.named:
            self._finish()  # the output begins again without a header
        if known is not None and known.block == "entra" and self.enterprise:
            known = self._enterprise(known)
        if label.endswith(":"):
            label = label[:-1].rstrip()
        if text.endswith('"') and text.count('"') % 2 and not text.startswith('"'):
            text = text[:-1].rstrip()  # the closing quote of a quoted paste
        name = known.name if known else None
        field = Field(self.section, label, name, text, lines_of.absence(text), number + 1)
        self.fields.append(field)
        if known is not None:
            if known.since > self.build:
                self.build = known.since
            self.named.setdefault(known.name, field)
            if known.name.startswith("EnterprisePrt"):
                self.enterprise = True
        if self.first_line is None:
            self.first_line = number + 1
        self.last, self.last_raw = known, raw
        self.sheet.taken.add(number)

    @staticmethod
    def _enterprise(known: Label) -> Label:
        from troubleshoot.tables import labels

        return labels().get("Enterprise" + known.name, known)

    def _open(self, title: str, number: int) -> None:
        """A section header."""
        if title == "Device State" and ("Device State" in self.sections or self.named.get("AzureAdJoined")):
            self._finish()
        self._close_section(True)
        self.section = title
        self.sections[title] = False
        key = lines_of.section_key(title)
        self.table = self.index.exact.get(key, {})
        self.met = _MET.setdefault(key, {})
        self.enterprise = self.enterprise and title == "SSO State"
        self.last = None
        if self.first_line is None:
            self.first_line = number + 1
        self.sheet.taken.add(number)

    def _close_section(self, to_its_end: bool) -> None:
        if self.section is not None:
            # A header with nothing below it is where the text was cut.
            has_fields = bool(self.fields) and self.fields[-1].section == self.section
            self.sections[self.section] = to_its_end and has_fields and not self.cut
        self.cut = False

    # ---------------------------------------------------------------------------------------------- captures

    def _finish(self) -> None:
        """Close the current capture, if it holds anything that dsregcmd prints."""
        self._close_section(True)
        if self.named or any(field.section for field in self.fields):
            time = self.named.get("ClientTime")
            self.captures.append(
                Capture(
                    kind="dsregcmd",
                    source=Source(self.sheet.name, self.first_line),
                    time=times.parse(time.text) if time else None,
                    account=account_of(self.named),
                    elevated=elevated_of(self.named),
                    fields=tuple(self.fields),
                    sections=self.sections,
                    named=self.named,
                    build_at_least=self.build or None,
                )
            )
        self._new()


def elevated_of(named: dict[str, Field]) -> bool | None:
    """Was the command run elevated? By what it says of itself, else by whether it could test the device key."""
    context = named.get("UserContext")
    if context is not None:
        return not context.text.upper().startswith("UN-ELEVATED")
    test = named.get("KeySignTest")
    if test is None or not test.text:
        return None
    return test.absence != "not-run"


def account_of(named: dict[str, Field]) -> Account | None:
    """Whose session the capture shows; None when nothing tells."""
    context = named.get("UserContext")
    if context is not None and context.text.upper() == "SYSTEM":
        return Account("SYSTEM", "system", "S-1-5-18")
    executing = named.get("ExecutingAccountName")
    joined = named.get("DomainJoined")
    in_domain = joined is None or joined.text.upper() != "NO"
    if executing is not None and executing.value:
        account = _executing(executing.text, named, in_domain)
        if account is not None:
            return account
    token = named.get("AzureAdPrt")
    if token is not None and token.text.upper() == "YES":  # never printed for another account
        identity = named.get("PrtUserIdentity")
        upn = identity.value if identity else None
        return Account(upn, "domain" if in_domain else "entra", None, upn)
    return None


def _executing(text: str, named: dict[str, Field], in_domain: bool) -> Account | None:
    """The account of ``DOM\\user, user@domain`` or ``HOST\\user``."""
    first, _, second = (part.strip() for part in text.partition(","))
    domain, _, user = first.rpartition("\\")
    if not user:
        return None
    if user.endswith("$"):
        return Account(first, "system", "S-1-5-18")
    upn = second if "@" in second else None
    if domain.casefold() == "azuread":
        return Account(first, "entra", None, upn)
    device = named.get("DeviceName")
    host = device.text.partition(".")[0].casefold() if device else None
    if not upn and (not in_domain or (host is not None and domain.casefold() == host)):
        return Account(first, "local")
    if not upn and any(one is not None and one.absence == "masked" for one in (device, named.get("DomainJoined"))):
        return Account(first, "unknown")  # what is blanked out would tell whether the account is a local one
    if domain.casefold() in ("nt authority", "nt-autorität", "autorite nt"):
        return Account(first, "system", "S-1-5-18")
    return Account(first, "domain" if in_domain else "entra", None, upn)
