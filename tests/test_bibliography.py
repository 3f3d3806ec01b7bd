"""Every citation key is resolved in docs/bibliography.md, and every reference there is cited."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIBLIOGRAPHY = ROOT / "docs" / "bibliography.md"
PLACES = ["tfvae", "trainers", "benchmarks", "colab", "docs"]
# [C20], [C20, section 3], [C18; C20], also over the end of a line: a name's letters and two digits.
KEY = r"[A-Z][A-Za-z]{0,5}\d{2}[a-z]?"
CITATION = re.compile(rf"\[({KEY}(?:[,;][^\[\]]*)?)\]")
# eq. 7, eqs. 2 and 3, equation 4, Eq. (6); not E_eq.
EQUATION_NUMBER = re.compile(r"\b(eqs?\.|equations?)\s*\(?\d", re.IGNORECASE)
LISTED = re.compile(rf"^- \*\*\[({KEY})\]\*\* ", re.MULTILINE)


def keys(text):
    """The keys cited in a text."""
    parts = [part for found in CITATION.findall(text) for part in found.split(";")]
    matches = [re.match(rf"\s*({KEY})\b", part) for part in parts]
    return {match[1] for match in matches if match}


def texts():
    """The name and the text of every file that may cite."""
    paths = [path for place in PLACES for path in sorted((ROOT / place).rglob("*"))]
    for path in [*paths, *sorted(ROOT.glob("*.md"))]:
        if path.suffix in (".py", ".md", ".ipynb"):
            yield str(path.relative_to(ROOT)), path.read_text()


def cited():
    """Key -> a file that cites it."""
    own = str(BIBLIOGRAPHY.relative_to(ROOT))
    found = {}
    for name, text in texts():
        if name != own:
            found |= dict.fromkeys(keys(text), name)
    return found


def test_keys_are_found_in_all_their_forms():
    text = "[KW14] and [C20, app. A; Z18], [KM18,\n    app. A], [BGS16,\\n 5.2]; not [Config20(a)]"
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


def test_no_equation_is_cited_by_number():
    """Numbers differ between the versions of a paper, and a wrong one looks like a right one."""
    assert all(map(EQUATION_NUMBER.search, ("[C20, eq. 7]", "(eq. 9)", "eqs. 2", "Equation (3)")))
    assert not EQUATION_NUMBER.search("E_eq. 3 of them")
    numbered = {
        f"{name}: {found[0]}" for name, text in texts() for found in EQUATION_NUMBER.finditer(text)
    }
    assert not numbered
