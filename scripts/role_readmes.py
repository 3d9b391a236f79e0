# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the README.md of each role from its argument specification and its example.

    .venv/bin/python scripts/role_readmes.py [--check]

With --check it writes nothing, and the exit status is 1 if a README is out of date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path("roles")
HEADER = "<!-- Written by scripts/role_readmes.py from meta/argument_specs.yml. Change that instead. -->"


def plain(markup: str) -> str:
    """Convert Ansible's markup to Markdown."""
    text = re.sub(r"\b[CMVO]\(([^)]*)\)", r"`\1`", markup)
    return re.sub(r"\bU\(([^)]*)\)", r"<\1>", text)


def paragraphs(description: str | list[str]) -> list[str]:
    """Return the paragraphs of a description."""
    return [plain(part) for part in ([description] if isinstance(description, str) else description)]


def default(option: dict[str, Any]) -> str:
    """Return the table cell for the default of an option."""
    if option.get("required"):
        return "required"
    return f"`{yaml.safe_dump(option['default'], default_flow_style=True, width=200).split(chr(10))[0]}`"


def rows(options: dict[str, dict[str, Any]], parent: str = "") -> list[str]:
    """Return the table rows of the options, with nested options after their parent."""
    lines = []
    for name, option in options.items():
        kind = f"list of {option['elements']}" if option["type"] == "list" else option["type"]
        text = " ".join(paragraphs(option["description"]))
        choices = f" One of {', '.join(f'`{choice}`' for choice in option['choices'])}." if "choices" in option else ""
        default_cell = default(option) if option.get("required") or "default" in option else ""
        lines.append(f"| `{parent}{name}` | {kind} | {default_cell} | {text}{choices} |")
        lines += rows(option.get("options", {}), f"{parent}{name}[].")
    return lines


def readme(role: Path) -> str:
    """Return the content of a role's README."""
    spec = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]
    example = (role / "meta" / "example.yml").read_text(encoding="utf-8").split("---\n", 1)[1]
    return "\n".join(
        [
            HEADER,
            "",
            f"# mlops.mlflow_azure.{role.name}",
            "",
            f"{spec['short_description']}.",
            "",
            *"\n\n".join(paragraphs(spec["description"])).splitlines(),
            "",
            "| option | type | default | |",
            "|---|---|---|---|",
            *rows(spec["options"]),
            "",
            "```yaml",
            *example.rstrip().splitlines(),
            "```",
            "",
        ]
    )


def main() -> int:
    """Write or compare the READMEs, and return the exit status."""
    stale = []
    for role in sorted(path for path in ROLES.iterdir() if path.is_dir()):
        file, text = role / "README.md", readme(role)
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        if "--check" in sys.argv[1:]:
            stale.append(str(file))
        else:
            file.write_text(text, encoding="utf-8")
    if stale:
        print(f"Out of date: {', '.join(stale)}. Run .venv/bin/python scripts/role_readmes.py.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
