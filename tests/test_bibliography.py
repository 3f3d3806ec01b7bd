"""Every citation key is resolved in docs/bibliography.md, and every reference there is cited."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIBLIOGRAPHY = ROOT / "docs" / "bibliography.md"
PLACES = ["tfvae", "trainers", "benchmarks", "colab", "docs"]
# [C20], [C20, eq. 7], [C18; C20], also over the end of a line: a name's letters and two digits.
KEY = r"[A-Z][A-Za-z]{0,5}\d{2}[a-z]?"
CITATION = re.compile(rf"\[({KEY}(?:[,;][^\[\]]*)?)\]")
LISTED = re.compile(rf"^- \*\*\[({KEY})\]\*\* ", re.MULTILINE)


def keys(text):
    """The keys cited in a text."""
    parts = [part for found in CITATION.findall(text) for part in found.split(";")]
    matches = [re.match(rf"\s*({KEY})\b", part) for part in parts]
    return {match[1] for match in matches if match}


def cited():
    """Key -> a file that cites it."""
    paths = [path for place in PLACES for path in sorted((ROOT / place).rglob("*"))]
    paths += sorted(ROOT.glob("*.md"))
    found = {}
    for path in paths:
        if path.suffix in (".py", ".md", ".ipynb") and path != BIBLIOGRAPHY:
            found |= dict.fromkeys(keys(path.read_text()), str(path.relative_to(ROOT)))
    return found


def test_keys_are_found_in_all_their_forms():
    text = "[KW14] and [C20, eq. 7; Z18], [KM18,\n    eq. 3], [BGS16,\\n eq. 8]; not [Config20(a)]"
    assert keys(text) == {"KW14", "C20", "Z18", "KM18", "BGS16"}


def test_every_key_that_is_used_is_listed():
    listed = LISTED.findall(BIBLIOGRAPHY.read_text())
    missing = {key: path for key, path in cited().items() if key not in listed}
    assert not missing, f"docs/bibliography.md must list {missing}"


def test_every_reference_is_cited_and_listed_once():
    listed = LISTED.findall(BIBLIOGRAPHY.read_text())
    assert len(set(listed)) == len(listed)
    unused = set(listed) - set(cited())
    assert not unused, f"docs/bibliography.md lists {unused}, which nothing cites"
