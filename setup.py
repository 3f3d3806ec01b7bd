"""What setup.cfg cannot say: README.md for a package index, where relative links lead nowhere.

With the address of the repository in setup.cfg,

    project_urls =
        Source = https://…

its links and pictures become absolute. Without one a link becomes its text, and a picture what
stands for it.
"""

import configparser
import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).resolve().parent
# Blocks of code, which have no links; or a link or picture, whose target has no scheme.
_LINK = re.compile(
    r"(?P<code>^```.*?^```$)|(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!\w+:)(?P<target>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)


def source_url() -> str | None:
    """The address of the repository: Source among project_urls of setup.cfg, or None."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["metadata"].get("project_urls", "").splitlines()
    urls = {name.strip(): url.strip() for name, _, url in (line.partition("=") for line in lines)}
    return urls.get("Source")


def description(text: str, url: str | None) -> str:
    """A page of the repository for readers elsewhere: without relative links and pictures."""

    def elsewhere(match):
        if match["code"]:
            return match["code"]
        if url is None:
            return match["text"]
        kind = "raw" if match["picture"] else "blob"
        place = f"{url.rstrip('/')}/{kind}/main/{match['target']}"
        return f"{match['picture']}[{match['text']}]({place})"

    return _LINK.sub(elsewhere, text)


if __name__ == "__main__":
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    setuptools.setup(long_description=description(readme, source_url()))
