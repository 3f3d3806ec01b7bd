"""The documentation site: nothing is forgotten, links lead somewhere, no warning in a build."""

import html
import html.parser
import importlib
import importlib.util
import os
import pathlib
import posixpath
import re
import subprocess
import sys
import time
import urllib.parse

import pytest
import yaml

import tfvae

ROOT = pathlib.Path(tfvae.__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^()\s]+)\)")
# Pages that docs/_hooks/hooks.py makes of other files.
MADE = {"changelog.md", "contributing.md", "results.md", "scaling.md"}
GREATEST_PICTURE = 80_000
NEEDED = (
    "mkdocs",
    "material",
    "mkdocstrings",
    "mkdocstrings_handlers",
    "latex2mathml",
    "nbconvert",
)


def hook(name):
    """A module of docs/_hooks, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "_hooks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference():
    return hook("reference")


def public_packages():
    """The packages of tfvae, as Python imports them."""
    found = ["tfvae"]
    for path in sorted((ROOT / "tfvae").glob("**/__init__.py")):
        parts = path.parent.relative_to(ROOT).parts
        if len(parts) > 1 and not any(part.startswith("_") for part in parts):
            found.append(".".join(parts))
    return [name for name in found if hasattr(importlib.import_module(name), "__all__")]


@pytest.mark.parametrize("name", public_packages())
def test_every_public_name_is_in_the_reference(name, reference):
    package = importlib.import_module(name)
    pages = reference.pages()
    entries = {one for text in pages.values() for one in re.findall(r"^::: (\S+)", text, re.M)}
    page = pages[f"{name}.md"]
    for public in package.__all__:
        value = getattr(package, public)
        if f"{name}.{public}" in sys.modules and sys.modules[f"{name}.{public}"] is value:
            assert f"[`{name}.{public}`]({name}.{public}.md)" in page
        elif public != "__version__":
            (place,) = re.findall(rf"^\| \[`{public}`\]\[(\S+)\] \|", page, re.M)
            assert place in entries
            owner, _, attribute = place.rpartition(".")
            assert getattr(importlib.import_module(owner), attribute) is value


def test_each_object_has_one_entry(reference):
    entries = [
        one for text in reference.pages().values() for one in re.findall(r"^::: (\S+)", text, re.M)
    ]
    assert len(entries) == len(set(entries)) > 300


def test_a_name_that_is_added_is_in_the_reference(tmp_path, reference):
    """Of a package that is written here: imported, imported late, and written in place."""
    package = tmp_path / "tfvae"
    package.mkdir()
    (package / "__init__.py").write_text(
        '"""All."""\nfrom tfvae.part import Thing\n_MODULES = {"late": "part"}\nHERE = 3\n'
        '__all__ = ["HERE", "Thing", "late"]\n'
    )
    (package / "part.py").write_text(
        'class Thing:\n    """Does it: well."""\n'
        'def late():\n    """Later,\n    not now.\n    """\n'
    )
    (found,) = reference.packages(tmp_path)
    assert found.names == {"HERE": "", "Thing": "Does it: well.", "late": "Later, not now."}
    assert found.origins["late"] == "tfvae.part.late"
    assert "::: tfvae.Thing" in reference.pages(tmp_path)["tfvae.md"]


def navigation():
    """All pages of the navigation in mkdocs.yml."""
    todo, found = [yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]], []
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            found.append(one)
        else:
            todo.extend(one.values() if isinstance(one, dict) else one)
    return found


def test_every_page_is_in_the_navigation():
    pages = {path.relative_to(DOCS).as_posix() for path in PAGES} | MADE
    listed = [page for page in navigation() if not page.endswith("/")]
    assert len(listed) == len(set(listed))
    # The hook puts notebooks.md before the notebooks.
    assert set(listed) | {"notebooks.md"} == pages
    assert {page for page in navigation() if page.endswith("/")} == {"notebooks/", "reference/"}


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES], ids=lambda p: p.name)
def test_relative_links_go_to_files_that_exist(path):
    """Of the repository: a page is right on GitHub too, and the hook makes links of the site."""
    for link in LINK.findall(without_code(path.read_text(encoding="utf-8"))):
        target, _, anchor = link.partition("#")
        if urllib.parse.urlparse(link).scheme:
            continue
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), link
        assert ROOT in [found, *found.parents], link
        if anchor:
            assert anchor in anchors(found), link


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    """The anchors of the headings of a page, as GitHub and Python-Markdown make them."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.M)
    words = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[\s]", "-", one) for one in words}


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Odd rows, many\n\n```\n# no heading\n```\n## What cannot be, and why?\n")
    assert anchors(page) == {"odd-rows-many", "what-cannot-be-and-why"}


def test_pictures_are_small_and_used():
    used = {
        (path.parent / link).resolve()
        for path in [ROOT / "README.md", *PAGES]
        for link in LINK.findall(path.read_text(encoding="utf-8"))
    }
    pictures = sorted((DOCS / "images").glob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < GREATEST_PICTURE, picture.name
        assert picture in used, picture.name


def test_every_picture_is_drawn_by_the_program():
    source = (DOCS / "make_figures.py").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^@drawn\ndef (\w+)", source, re.MULTILINE))
    assert drawn == {path.stem for path in (DOCS / "images").glob("*.png")}


def test_docstrings_become_markdown():
    pytest.importorskip("griffe")
    written = "x: data, (n, *data), and (*a, *b).\n\nExample:\n    >>> f(*x)\n\n**Choice**: `*c`."
    read = (
        "x: data, (n, \\*data), and (\\*a, \\*b).\n\nExamples:\n    >>> f(*x)\n\n**Choice**: `*c`."
    )
    assert hook("docstrings").as_markdown(written) == read


@pytest.fixture(scope="module")
def hooks():
    for name in NEEDED:
        pytest.importorskip(name)
    sys.path.insert(0, str(DOCS / "_hooks"))
    try:
        yield hook("hooks")
    finally:
        sys.path.remove(str(DOCS / "_hooks"))


def test_links_to_the_repository_become_links_of_the_site(hooks):
    def on_page(text, uri):
        file = type("File", (), {"src_uri": uri})
        return hooks.on_page_markdown(text, type("Page", (), {"file": file}))

    assert on_page("[a](../../CHANGELOG.md)", "guides/vae.md") == "[a](../changelog.md)"
    assert on_page("[a](../colab/x.ipynb)", "notebooks.md") == "[a](notebooks/x.md)"
    assert on_page("[a](docs/start.md#b)", "contributing.md") == "[a](start.md#b)"
    assert (
        on_page("[a](https://b.c) [d](e.md) [f](#g)", "h.md")
        == "[a](https://b.c) [d](e.md) [f](#g)"
    )


def test_citations_and_names_become_links(hooks):
    text = "<p>[K19; ZZ99] <code>[K19]</code></p><h2>[K19]</h2>"
    assert hooks.linked(text, "b.html") == text.replace(
        "[K19;", '[<a href="b.html#k19">K19</a>;', 1
    )
    name = "<code>Flatness(1.0)</code>"
    text = f"{name} <a><code>Flatness</code></a> <code>table</code>"
    entry = f'<autoref identifier="tfvae.penalties.Flatness" optional>{name}</autoref>'
    assert hooks.linked(text, "b.html") == text.replace(name, entry)


def test_formulas_become_mathml(hooks):
    for normal in (r"\mathcal{N}", r"\mathcal N"):
        page = rf'<p><span class="arithmatex">\({normal}(0, I) &lt; x_i\)</span></p>'
        made = hooks.FORMULA.sub(hooks.mathml, page)
        assert made.startswith("<p><math xmlns=") and 'display="inline"' in made
        assert "<mi>𝒩</mi>" in html.unescape(made) and "<mo><</mo>" in html.unescape(made)
        assert "<msub><mi>x</mi><mi>i</mi></msub>" in made and "arithmatex" not in made
    page = r'<div class="arithmatex">\[\mathbb E \big\lVert x \big\rVert\]</div>'
    made = html.unescape(hooks.FORMULA.sub(hooks.mathml, page))
    assert "<mi>𝔼</mi>" in made and made.count("‖") == 2 and "\\" not in made


class Page(html.parser.HTMLParser):
    """What a page loads, where it leads to, and its anchors."""

    def __init__(self, path):
        super().__init__()
        self.loaded, self.links, self.anchors = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.anchors |= {known.get("id"), known.get("name")}
        if tag in ("script", "img", "iframe", "source"):
            self.loaded.append(known.get("src") or "")
        elif tag == "link" and known.get("rel") != "canonical":
            self.loaded.append(known.get("href") or "")
        elif tag == "a":
            self.links.append(known.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for name in NEEDED:
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("site")
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    assert "WARNING" not in made.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_and_needs_no_network(site):
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 60
    for path, page in pages.items():
        for address in page.loaded:
            assert not re.match("(https?:)?//", address), f"{path.name} loads {address}"
    assert (site / "search" / "search_index.js").exists()


@pytest.mark.slow
def test_links_of_the_site_lead_somewhere(site):
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for link in page.links:
            parts = urllib.parse.urlparse(link)
            if parts.scheme or parts.netloc:
                continue
            target = posixpath.join(path.parent, urllib.parse.unquote(parts.path))
            found = pathlib.Path(target).resolve() if parts.path else path
            found = found / "index.html" if found.is_dir() else found
            assert found.exists(), f"{path.name}: {link}"
            if parts.fragment and found in pages:
                anchor = urllib.parse.unquote(parts.fragment)
                assert anchor in pages[found].anchors, f"{path.name}: {link}"


@pytest.mark.slow
def test_formulas_and_entries_are_shown(site):
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert 'class="arithmatex"' not in text, path.name
        for formula in re.findall("<math.*?</math>", text, re.DOTALL):
            assert "\\" not in html.unescape(formula), f"{path.name}: {formula}"
    entry = (site / "reference" / "tfvae.html").read_text(encoding="utf-8")
    assert 'id="tfvae.LatentVariableModel.log_likelihood"' in entry
    assert "&gt;&gt;&gt;" in entry


@pytest.fixture(scope="module")
def phone():
    explorer = pytest.importorskip("benchmarks.explorer")
    if explorer.missing():
        pytest.skip(explorer.missing())
    with explorer.browser(390, 844, dark=True) as driver:
        yield driver


@pytest.mark.slow
def test_search_works_on_pages_that_are_opened_as_files(site, phone):
    phone.get((site / "guides" / "vhp_vae.html").as_uri())
    box = phone.find_element("css selector", ".md-search__input")
    phone.execute_script("document.querySelector('[for=__search]').click()")
    links = "return [...document.querySelectorAll('.md-search-result__item a')].map(a => a.href)"
    end = time.monotonic() + 60
    # Typed again, since the index may not have been read when the first letters came.
    while not any("tasks/compression.html" in one for one in phone.execute_script(links)):
        assert time.monotonic() < end, f"the search found {phone.execute_script(links)}"
        phone.execute_script("arguments[0].focus(); arguments[0].value = ''", box)
        box.send_keys("lossless compression")
        time.sleep(3)
    assert not phone.get_log("browser")


@pytest.mark.slow
def test_no_page_is_wider_than_a_phone(site, phone):
    for path in sorted(site.rglob("*.html")):
        phone.get(path.as_uri())
        wide = phone.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 390, path.name
