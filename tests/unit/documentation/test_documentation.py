# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of ansible-doc for modules, filters and roles is complete and free of warnings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CLONE = Path(__file__).resolve().parents[3]
FOLDERS = {"module": "modules", "filter": "filter", "lookup": "lookup"}
PLUGINS = {
    kind: sorted(path.stem for path in (CLONE / "plugins" / folder).glob("[a-z]*.py"))
    for kind, folder in FOLDERS.items()
}
MODULES = PLUGINS["module"]
ROLES = sorted(path.parents[1].name for path in (CLONE / "roles").glob("*/meta/argument_specs.yml"))


def documentation(kind: str, names: list[str]) -> dict[str, Any]:
    """Return the output of ansible-doc by short name."""
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-doc",
            "--type",
            kind,
            "--json",
            *(f"mlops.mlflow_azure.{name}" for name in names),
        ],
        cwd=CLONE,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # ansible-core 2.21 warns about a collection that contains itself and has no version.
    assert [line for line in done.stderr.splitlines() if "/ansible/_internal/" not in line] == []
    return {name.rpartition(".")[2]: found for name, found in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def modules() -> dict[str, Any]:
    return documentation("module", MODULES)


def options(found: dict[str, Any], parent: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Return all options with their suboptions, under names such as ingress.external."""
    for name, option in found.items():
        yield parent + name, option
        yield from options(option.get("suboptions") or option.get("options") or {}, f"{parent}{name}.")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_documents_examples_results_and_options(module: str, modules: dict[str, Any]) -> None:
    found = modules[module]
    assert f"mlops.mlflow_azure.{module}:" in found["examples"]
    assert found["return"], "has no documentation of its result"
    assert found["doc"]["author"]
    undocumented = [
        name for name, option in options(found["doc"]["options"]) if not "".join(option.get("description", []))
    ]
    assert undocumented == []
    links = [item["link"] for item in found["doc"].get("seealso", []) if "link" in item]
    assert any(re.match(r"https://(learn\.microsoft\.com|mlflow\.org)/", link) for link in links), "names no source"


@pytest.mark.parametrize("kind", [kind for kind in ("filter", "lookup") if PLUGINS[kind]])
def test_other_plugins_have_examples(kind: str) -> None:
    found = documentation(kind, PLUGINS[kind])
    assert sorted(found) == PLUGINS[kind]
    assert [name for name in found if not found[name]["examples"]] == []


def test_callbacks_describe_each_option() -> None:
    names = sorted(path.stem for path in (CLONE / "plugins" / "callback").glob("[a-z]*.py"))
    found = documentation("callback", names)
    assert sorted(found) == names
    for name in names:
        undescribed = [key for key, option in options(found[name]["doc"]["options"]) if not option.get("description")]
        assert undescribed == [], name


def test_roles_describe_each_option() -> None:
    found = documentation("role", ROLES)
    assert sorted(found) == ROLES
    for name, role in found.items():
        for entry in role["entry_points"].values():
            assert entry["short_description"]
            assert [
                option for option, spec in options(entry.get("options", {})) if not spec.get("description")
            ] == [], name


def test_the_page_of_modules_lists_all() -> None:
    text = (CLONE / "docs" / "modules.md").read_text(encoding="utf-8")
    assert [module for module in MODULES if f"`{module}`" not in text] == []
