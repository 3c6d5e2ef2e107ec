"""The pages about the rules: complete, linked, harmless, and usable in a browser from disk; and their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.browser import complaints, opened, requests
from troubleshoot import ruledocs
from troubleshoot.ruleset import RuleFile, read_folder, rules_folder

FILES, VOCABULARY = read_folder(rules_folder())
LONGEST = 30  # words of a sentence: more are lost when read aloud
# Abbreviations that first-line engineers know, or that Windows prints; a text that uses another one spells it out.
KNOWN = frozenset(
    re.findall(
        "[A-Z]+",
        "AAD AADSTS AD AM CDJ DRS TGT BIOS CNAME DC DNS FAQ FIPS FS GPO GUID HTML HTTP HTTPS ID IT JSON KDC MAM MDM MFA MS OK OS OU PC "
        "PIN PM PRT SCP SELF SID SMTP SSL SSO SYSTEM TLS TPM UPN URL USB VM VPN WMI WPAD WS XML SAML SP",
    )
)
# Words in capitals that stand for themselves: values, names in commands.
VALUES = frozenset(re.findall("[A-Z]+", "YES NO NOT SET PASSED FAILED ERROR DOMAIN OFF ON FALSE TRUE CN DS NAME"))


def texts(doc: dict[str, Any]) -> Iterator[str]:
    yield from (doc["title"], doc["cause"], doc.get("wait") or "")
    yield from (*doc.get("avoid", ()), *doc.get("benign_when", ()))
    for step in doc["fix"]:
        yield from (step["do"], step.get("expect") or "", step.get("undo") or "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.doc["id"]))
def test_sentences_can_be_read_aloud(file: RuleFile) -> None:
    for text in texts(dict(file.doc)):
        for sentence in re.split(r"(?<=[.;:?!])\s+", text):
            assert len(sentence.split()) <= LONGEST, sentence


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.doc["id"]))
def test_abbreviations_are_known_or_spelled_out(file: RuleFile) -> None:
    whole = " ".join(texts(dict(file.doc)))
    for word in set(re.findall(r"(?<![\w\\-])[A-Z]{2,6}(?![\w\\-])", whole)) - KNOWN - VALUES:
        spelled = re.search(r"\w[\w -]{3,60} \(" + word + r"\)|\(" + word + r"[,) ]", whole)
        assert spelled, f"{word} is not spelled out in {file.doc['id']}"


def test_every_rule_has_a_page_and_no_link_leads_nowhere(tmp_path: Path) -> None:
    assert ruledocs.write(tmp_path) == len(FILES) + 4
    assert ruledocs.check(tmp_path) == []
    (tmp_path / "rules" / f"{FILES[0].doc['id']}.html").unlink()
    assert any(str(FILES[0].doc["id"]) in line for line in ruledocs.check(tmp_path))


def test_text_of_a_rule_is_text(tmp_path: Path) -> None:
    doc = yaml.safe_load(yaml.safe_dump(dict(FILES[0].doc)))
    doc["title"] = doc["cause"] = "<script>alert(1)</script>"
    hostile = RuleFile(FILES[0].path, doc, FILES[0].lines)
    made = ruledocs.pages([hostile, *FILES[1:]], VOCABULARY)
    page = made[f"rules/{doc['id']}.html"]
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_search_works_from_disk_and_nothing_is_asked_of_the_network(width: int, tmp_path: Path) -> None:
    ruledocs.write(tmp_path / "site")
    with opened(tmp_path / "profile", width) as driver:
        driver.get((tmp_path / "site" / "index.html").as_uri())
        box = driver.find_element("id", "search")
        assert box.is_displayed()
        for typed, rule in (
            ("0x801c03f2", "device-not-synced"),
            ("AADSTS50155", "device-rejected"),
            ("event 304", ""),
            ("clock", "clock-wrong"),
        ):
            box.clear()
            box.send_keys(typed)
            links = [one.get_attribute("href") for one in driver.find_elements("css selector", "#found a")]
            assert links, typed
            assert not rule or any(link.endswith(f"/{rule}.html") for link in links), (typed, links)
        for page in ("index.html", "codes.html", "events.html", "symptoms.html", "rules/device-not-synced.html"):
            driver.get((tmp_path / "site" / page).as_uri())
            wide = driver.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{page} is {wide} pixels wide"
        # Chromium opens its own first tab (chrome:, data:); the pages themselves ask for nothing beyond the disk.
        assert {url.partition(":")[0] for url in requests(driver)} <= {"file", "chrome", "data"}
        assert complaints(driver) == []
