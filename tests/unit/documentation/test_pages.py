# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands, files and settings in the documentation exist, and the values of settings are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

CLONE = Path(__file__).resolve().parents[3]
PAGES = {
    path.relative_to(CLONE).as_posix(): path.read_text(encoding="utf-8")
    for path in [CLONE / "README.md", CLONE / "CONTRIBUTING.md", *sorted((CLONE / "docs").rglob("*.md"))]
}
ROLES = {
    path.parents[1].name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in CLONE.glob("roles/*/meta/argument_specs.yml")
}
# Words in angle brackets, dots and stars are placeholders.
OPEN = re.compile(r"[<>*…]|\.\.\.")
ENVIRONMENTS = ("dev", "staging", "prod")


def code(text: str) -> list[str]:
    """Return the code of a page: the lines of blocks, and the code in sentences."""
    fenced = re.findall(r"^ *```.*?\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```.*?\n.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4,}(\S.*)$", rest, re.MULTILINE)
    return [
        *(line.strip() for block in fenced for line in block.splitlines()),
        *indented,
        *re.findall(r"`([^`\n]+)`", rest),
    ]


def settings() -> set[str]:
    """Return the names of all settings, of the facts that roles set, and of the results of modules."""
    found = {path.stem for path in CLONE.glob("plugins/modules/*.py")}
    for role in ROLES.values():
        for entry in role["argument_specs"].values():
            found |= set(entry.get("options", {}))
    for path in [*CLONE.glob("playbooks/group_vars/*.yml"), *CLONE.glob("inventories/*/group_vars/*.yml")]:
        found |= set(re.findall(r"^(?:# )?(\w+):", path.read_text(encoding="utf-8"), re.MULTILINE))
    for path in [*CLONE.glob("roles/*/tasks/*.yml"), *CLONE.glob("playbooks/*.yml")]:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"^ +(\w+): ", text, re.MULTILINE)) | set(re.findall(r"\b(teardown_\w+)\b", text))
        found |= set(re.findall(r"^ +(\w+):$", text, re.MULTILINE))
    return found


def problems(line: str, known: set[str]) -> list[str]:
    """Return what a line of code names and what does not exist."""
    wrong = []
    targets = set(re.findall(r"^([a-z-]+):", (CLONE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    if command := re.match(r"make ([a-z-]+)", line):
        wrong += [] if command[1] in targets else [f"make {command[1]}"]
    if command := re.match(r"(?:\S*python3? -m )sandbox (?:--\S+ \S+ )?([a-z]+)", line):
        wrong += (
            [] if f'"{command[1]}"' in (CLONE / "sandbox" / "cli" / "main.py").read_text(encoding="utf-8") else [line]
        )
    for word in re.findall(r"[\w./<>*…-]+", line):
        first = word.split("/")[0]
        if (
            "/" not in word
            or first in ("", "out")
            or first.startswith(".")
            or OPEN.search(word)
            or not (CLONE / first).is_dir()
        ):
            continue
        # A page may name the files of a role by their path in the role.
        wrong += [] if (CLONE / word.rstrip("./")).exists() or any(CLONE.glob(f"roles/*/{word}")) else [word]
    for name in re.findall(r"\bmlops\.mlflow_azure\.(\w+)", line):
        plugins = (f"plugins/{kind}/{name}.py" for kind in ("modules", "filter", "lookup", "callback"))
        places = (f"playbooks/{name}.yml", f"roles/{name}", *plugins)
        wrong += (
            []
            if name == "azure" or any((CLONE / place).exists() for place in places)
            else [f"mlops.mlflow_azure.{name}"]
        )
    prefixes = "|".join([*ROLES, "deployment", "teardown"])
    if re.fullmatch(rf"(?:{prefixes})_\w+(?:: .*)?", line):
        wrong += [] if line.split(":")[0] in known else [line]
    for name in re.findall(r"-e (\w+)=", line):
        wrong += [] if name in known or name == "verify" else [name]
    return wrong


@pytest.mark.parametrize("page", sorted(PAGES))
def test_what_a_page_names_exists(page: str) -> None:
    known = settings()
    assert [wrong for line in code(PAGES[page]) for wrong in problems(line, known)] == []


@pytest.mark.parametrize(
    "line",
    [
        "make dema",
        "python -m sandbox upp",
        "ansible-playbook -i inventories/test playbooks/site.yml",
        "ansible-playbook -i inventories/dev playbooks/sites.yml",
        "ansible-doc -t role mlops.mlflow_azure.storages",
        "mlflow_app_replicas",
        "sql_database_sku_name: S0",
        "ansible-playbook -i inventories/dev playbooks/teardown.yml -e teardown_confirmed=dev",
    ],
)
def test_a_missing_name_is_reported(line: str) -> None:
    assert len(problems(line, settings())) == 1


def value(environment: str, setting: str) -> Any:
    """Return the value of a setting in an environment, or the default of the role."""
    folder = CLONE / "inventories" / environment / "group_vars"
    for path in (folder / "mlflow.yml", folder / "every_environment.yml"):
        set_there = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        if setting in set_there:
            return set_there[setting]
    for role in ROLES.values():
        option = role["argument_specs"]["main"]["options"].get(setting)
        if option is not None:
            return option["default"]
    raise LookupError(setting)


def test_the_page_of_costs_has_the_values_of_the_environments() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \|", PAGES["docs/costs.md"], re.MULTILINE)
    assert len(rows) >= 10
    for setting, *documented in rows:
        values = [value(environment, setting) for environment in ENVIRONMENTS]
        assert documented == [str(one).lower() if isinstance(one, bool) else str(one) for one in values], setting
