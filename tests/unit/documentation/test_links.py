# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links between pages lead to files and headings, and a table of contents names every section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[3]
PAGES = [CLONE / "README.md", CLONE / "CONTRIBUTING.md", *sorted((CLONE / "docs").rglob("*.md"))]


def text_of(page: Path) -> str:
    """Return the text of a page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and mkdocs build it."""
    plain = re.sub(r"[^\w\- ]", "", heading.lower())
    return plain.strip().replace(" ", "-")


def sections(page: Path) -> list[str]:
    return [anchor(heading) for heading in re.findall(r"^## (.+)$", text_of(page), re.MULTILINE)]


def contents(page: Path) -> list[str]:
    """Return the anchors of the table of contents: the list items that are links within the page."""
    return re.findall(r"^\* \[[^\]]+\]\(#([^)]+)\)$", text_of(page), re.MULTILINE)


def anchors(page: Path) -> list[str]:
    return [anchor(heading) for heading in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)]


def broken_links(page: Path) -> list[str]:
    """Return the links of a page to files or headings that do not exist."""
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        path, _hash, fragment = link.partition("#")
        if re.match(r"https?:", path):
            continue
        target = page.parent / path if path else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CLONE).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if contents(page)], ids=lambda page: page.relative_to(CLONE).as_posix()
)
def test_a_table_of_contents_names_every_section(page: Path) -> None:
    assert contents(page) == sections(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CLONE).as_posix())
def test_a_page_with_more_than_five_sections_has_a_table_of_contents(page: Path) -> None:
    assert contents(page) or len(sections(page)) <= 5


@pytest.mark.parametrize("link", ["missing.md", "#missing", "other.md#missing"])
def test_a_broken_link_is_reported(tmp_path: Path, link: str) -> None:
    (tmp_path / "other.md").write_text("# Other\n")
    page = tmp_path / "page.md"
    page.write_text(
        f"# Page\n\n[fine](other.md#other) [here](#page) [away](https://example.com/x#y)\n[broken]({link})\n"
    )
    assert broken_links(page) == [link]
