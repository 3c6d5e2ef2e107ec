"""XML of Intune's "Collect diagnostics" (``results.xml``) and of MDMDiagnosticsTool (``MDMDiagReport.xml``).

<Collection HRESULT="0"> ... <Command HRESULT="0">%windir%\\system32\\Dsregcmd.exe /status</Command> ... </Collection>

The HRESULT of a data point does not say whether it is there: in published listings every registry key has one that is not zero
beside its data. The points are kept as lines; whether a file is there, only the file itself tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from troubleshoot.model import Fact, LogLine, Problem, Sheet, Source

if TYPE_CHECKING:
    from lxml.etree import _Element

_RESULTS = re.compile(r"<Collection\b[^<>]{0,200}HRESULT=")
_REPORT = "<MDMEnterpriseDiagnosticsReport"
_DECLARATION = re.compile(r"<\?xml[^<>]{0,200}\?>")
_NO_POINT = frozenset({"ID", "SasUrl", "OutputFileFormat"})
_ENROLLED = frozenset({"1", "enrolled"})
_SERVER = ("upn", "providerid", "discoveryservicefullurl", "aadtenantid", "tenantid")
_MOST = 5_000  # data points


def looks_like(sheet: Sheet) -> bool:
    """Is it one of the two files?"""
    return _REPORT in sheet.text or ("<Collection" in sheet.text and _RESULTS.search(sheet.text) is not None)


def read(sheet: Sheet) -> Iterator[Fact | LogLine | Problem]:
    """A line per data point of results.xml; of the MDM report whether the device is enrolled. Never asks a network."""
    found = _RESULTS.search(sheet.text)
    at = found.start() if found else sheet.text.find(_REPORT)
    root, damaged = _parsed(sheet.text[at:])
    first = sheet.text.count("\n", 0, at)
    before = sheet.text[:at].strip()
    sheet.taken.update(range(first if before[:2] not in ("", "<?", "<!") else 0, len(sheet.lines)))
    if root is not None:
        yield from _results(sheet.name, root, first) if found else _report(sheet.name, root, first, damaged)
    if damaged:
        yield Problem(Source(sheet.name, first + 1), "damaged", "the XML is damaged or cut off", None)


def _parsed(text: str) -> tuple[_Element | None, bool]:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True, load_dtd=False)
    try:
        root = etree.fromstring(_DECLARATION.sub("", text, count=1).strip().encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None, True
    return root, root is None or bool(parser.error_log)


def _texts(element: _Element) -> dict[str, str]:
    """The texts of the children, by name in lower case."""
    return {
        str(child.tag).rpartition("}")[2].casefold(): (child.text or "").strip()
        for child in element
        if isinstance(child.tag, str)
    }


def _results(name: str, root: _Element, first: int) -> Iterator[LogLine]:
    number = 0
    for child in root:
        if not isinstance(child.tag, str) or child.tag in _NO_POINT or number >= _MOST:
            continue
        number += 1  # the N-th data point is folder N, or the (N) of a flattened name
        code = _code(child.get("HRESULT", ""))
        text = f"({number}) {child.tag} {(child.text or '').strip()[:400]}: {code}"
        yield LogLine("Collect diagnostics", None, text, Source(name, _line(child, first)))


def _line(element: _Element, first: int) -> int:
    line = element.sourceline
    return first + (line if isinstance(line, int) else 1)


def _code(text: str) -> str:
    try:
        number = int(text[:20])
    except ValueError:
        return text[:20] or "no result"
    return f"0x{number & 0xFFFFFFFF:08x}"


def _report(name: str, root: _Element, first: int, damaged: bool) -> Iterator[Fact]:
    """mdm.enrolled: yes where an enrolment with a server is in the state 1; no where a whole report lists none such."""
    where: Source | None = None
    for element in root.iter("{*}Enrollments", "{*}Enrollment"):
        if str(element.tag).rpartition("}")[2] == "Enrollments":
            where = Source(name, _line(element, first))
            continue
        told = _texts(element)
        if told.get("enrollmentstate", "").casefold() in _ENROLLED and any(told.get(key) for key in _SERVER):
            place = Source(name, _line(element, first))
            shown = "; ".join(
                f"{key}={told[key][:120]}" for key in ("enrollmentid", "enrollmenttype", *_SERVER) if told.get(key)
            )
            yield Fact("mdm.enrolled", "yes", place, None, None, f"enrolment: {shown}")
            return
    if where is not None and not damaged:
        yield Fact("mdm.enrolled", "no", where, None, None, "the MDM report lists no enrolment that is complete")
