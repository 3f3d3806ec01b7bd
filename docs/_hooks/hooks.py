"""What MkDocs does besides reading docs/: pages from other places, links, citations, formulas.

- Pages that are not written in docs/: the API reference, the notebooks of colab/, the changelog,
  the results, CONTRIBUTING.md. Links to those files, right on GitHub, become links to these pages.
- `tfvae.VHPVAE` in a code span is a link to the reference, and [K19] one to the bibliography.
- Formulas become MathML, which browsers show without JavaScript.
"""

import functools
import html
import pathlib
import posixpath
import re
from typing import Any

import nbformat
import reference
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert.exporters import MarkdownExporter

ROOT = pathlib.Path(__file__).resolve().parents[2]
# File of the repository -> page of the site.
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/RESULTS.md": "results.md",
    "benchmarks/SCALING.md": "scaling.md",
}
LINK = re.compile(r"(\]\()([^()#\s:]+)((?:#[^()\s]*)?\))")
TAG = re.compile(r"(<[^>]+>)")
# What is inside of these stays as it is.
OPAQUE = re.compile(r"<(/?)(pre|a|autoref|math|h[1-6])\b")
KEY = r"[A-Z][A-Za-z]{0,5}\d{2}[a-z]?"
CITATION = re.compile(rf"\[({KEY}(?:[,;][^\[\]<>]*)?)\]")
ENTRY = re.compile(rf"<strong>\[({KEY})\]</strong>")
# `tfvae.VAE`, `Flatness(weight=η)`
NAME = re.compile(r"([\w.]+)(?:\(.*\))?")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
# Browsers draw letters of other alphabets from Unicode alone.
LETTER = re.compile(r'<mi mathvariant="(script|double-struck)">([A-Z])</mi>')
# What the converter does not know.
UNKNOWN = ((re.compile(r"\\[bB]igg?[lrm]?(?![a-zA-Z])"), ""), (re.compile(r"\\[lr]Vert\b"), r"\\|"))
ALPHABETS = {"script": "𝒜ℬ𝒞𝒟ℰℱ𝒢ℋℐ𝒥𝒦ℒℳ𝒩𝒪𝒫𝒬ℛ𝒮𝒯𝒰𝒱𝒲𝒳𝒴𝒵", "double-struck": "𝔸𝔹ℂ𝔻𝔼𝔽𝔾ℍ𝕀𝕁𝕂𝕃𝕄ℕ𝕆ℙℚℝ𝕊𝕋𝕌𝕍𝕎𝕏𝕐ℤ"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills the parts of the navigation that are made of files."""
    public_names.cache_clear()
    known_keys.cache_clear()
    books = [f"notebooks/{path.stem}.md" for path in notebooks()]
    pages = [f"reference/{name}" for name in reference.pages() if name != "index.md"]
    made = {
        "Notebooks": ["notebooks.md", *books],
        "Reference": ["reference/index.md", *[{page[10:-3]: page} for page in pages]],
    }
    for entry in config.nav:
        (title,) = entry
        entry[title] = made.get(title, entry[title])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are not written in docs/."""
    for name, text in reference.pages().items():
        files.append(File.generated(config, f"reference/{name}", content=text))
    for source, page in ELSEWHERE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    for path in notebooks():
        text, figures = notebook_page(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        files.append(File.generated(config, f"notebooks/{path.name}", abs_src_path=str(path)))
        for name, content in figures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **kwargs: Any) -> str:
    """Links to files of the repository become links to pages."""
    origin = repository_path(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def replaced(match):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), match[2]))
        found = site_path(target)
        return match[0] if found is None else match[1] + posixpath.relpath(found, here) + match[3]

    return LINK.sub(replaced, markdown)


def on_page_content(content: str, page: Page, **kwargs: Any) -> str:
    """Formulas, citations and names."""
    content = FORMULA.sub(mathml, content)
    if page.file.src_uri == "bibliography.md":
        return ENTRY.sub(lambda m: f'<strong id="{m[1].lower()}">[{m[1]}]</strong>', content)
    up = posixpath.relpath("bibliography.html", posixpath.dirname(page.file.dest_uri))
    return linked(content, up)


def notebooks() -> list[pathlib.Path]:
    """The notebooks that the site shows."""
    return sorted((ROOT / "colab").glob("*.ipynb"))


def notebook_page(path: pathlib.Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, with its figures; it is not run."""
    notebook = nbformat.read(path, as_version=4)
    kept = {"output_files_dir": f"{path.stem}_files", "unique_key": path.stem}
    text, found = MarkdownExporter().from_notebook_node(notebook, resources=dict(kept))
    title, _, rest = text.lstrip().partition("\n")
    download = f"[Download this notebook]({path.name}){{ .md-button download }}"
    return f"{title}\n\n{download}\n{rest}", found.get("outputs", {})


def repository_path(page: str) -> str:
    """Where the text of a page is in the repository."""
    if page.startswith("notebooks/"):
        return f"colab/{pathlib.PurePosixPath(page).stem}.ipynb"
    known = {made: source for source, made in ELSEWHERE.items()}
    return known.get(page, f"docs/{page}")


def site_path(path: str) -> str | None:
    """The page or file of the site that shows a file of the repository; None: there is none."""
    if path.startswith("colab/") and path.endswith(".ipynb"):
        return f"notebooks/{pathlib.PurePosixPath(path).stem}.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return "index.md" if path == "README.md" else ELSEWHERE.get(path)


def mathml(match: re.Match) -> str:
    """A formula of LaTeX as MathML."""
    display = "block" if match[1] == "div" else "inline"
    formula = html.unescape(match[2]).strip()
    for pattern, known in UNKNOWN:
        formula = pattern.sub(known, formula)
    made = convert(formula, display=display)
    made = LETTER.sub(lambda found: f"<mi>{ALPHABETS[found[1]][ord(found[2]) - 65]}</mi>", made)
    made = made.replace("<mi>log</mi>", '<mi>log</mi><mspace width="0.167em" />')
    return f'<div class="formula">{made}</div>' if match[1] == "div" else made


def linked(content: str, bibliography: str) -> str:
    """Citations link to the bibliography, and names to the reference; headings stay as they are."""
    depth, parts = 0, TAG.split(content)
    for i, part in enumerate(parts):
        tag = OPAQUE.match(part) if i % 2 else None
        if tag:
            depth += -1 if tag[1] else 1
        elif depth or i % 2:
            continue
        elif parts[i - 1] == "<code>":
            place = place_of(part)
            if place:
                parts[i - 1] = f'<autoref identifier="{place}" optional><code>'
                parts[i + 1] = "</code></autoref>"
        else:
            parts[i] = CITATION.sub(lambda m: linked_citation(m, bibliography), part)
    return "".join(parts)


def linked_citation(match: re.Match, bibliography: str) -> str:
    """[K19; C20] with a link for each key that the bibliography lists."""
    known = known_keys()

    def key(found):
        if found[0] not in known:
            return found[0]
        return f'<a href="{bibliography}#{found[0].lower()}">{found[0]}</a>'

    return f"[{re.sub(KEY, key, match[1])}]"


@functools.cache
def known_keys() -> set[str]:
    """The keys that the bibliography lists."""
    text = (ROOT / "docs" / "bibliography.md").read_text(encoding="utf-8")
    return set(re.findall(rf"^- \*\*\[({KEY})\]\*\*", text, re.MULTILINE))


def place_of(code: str) -> str | None:
    """The entry in the reference of what a code span names, or None."""
    name = NAME.fullmatch(code)
    return public_names().get(name[1]) if name else None


@functools.cache
def public_names() -> dict[str, str]:
    """`tfvae.priors.Flow`, `priors.Flow` and, where only one object has it, `Flow` -> its entry."""
    found = reference.packages()
    places, short = reference.entries(found), {}
    names = {}
    for package in found:
        for name in package.names:
            place = places[package.origins[name]]
            names[f"{package.name}.{name}"] = place
            names[f"{package.name}.{name}".removeprefix("tfvae.")] = place
            short.setdefault(name, set()).add(place)
    for name, its in short.items():
        # Words such as `table` are names of functions, and words.
        if len(its) == 1 and re.search("[A-Z]", name):
            names[name] = next(iter(its))
    return names
