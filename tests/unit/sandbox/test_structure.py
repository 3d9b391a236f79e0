# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The structure of `sandbox/` and `plugins/`: layers, import cycles, and the size of files. Nothing is imported; the sources are parsed.

A room is a folder, or a file at the top level. An arrow is a pair of rooms of which the first imports the second; imports for
type checking count.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
COLLECTION = "ansible_collections.mlops.mlflow_azure."
PLUGIN_FOLDERS = ("module_utils", "modules", "action", "plugin_utils", "filter", "lookup")
# The rooms of the sandbox from the ground up. A room imports from its own layer and from those above it in this table.
LAYERS = (
    ("host", "messages", "faults", "quickack"),
    ("store",),
    ("entra",),
    ("arm",),
    ("registry", "services", "apps"),
    ("providers",),
    ("portal",),
    ("runners",),
    ("proxy",),
    ("server",),
    ("cli",),
    ("__main__",),
)
MAX_ARROWS = 80
MAX_LINES = 450
# Files that may be longer because they are data tables: path and reason.
DATA_TABLES: dict[str, str] = {}


def sources(*folders: str) -> dict[str, Path]:
    """Return the Python files below some folders of the project by their dotted module names."""
    files = (path for folder in folders for path in sorted((PROJECT / folder).rglob("*.py")))
    return {module_name(path): path for path in files}


def module_name(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(name: str, path: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports, those of this project without the prefix of the collection."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(COLLECTION) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])]).removeprefix(COLLECTION)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def import_graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return for each module the modules among `files` that it imports."""
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        imported = set()
        for target in imported_modules(name, path):
            owner = target.rpartition(".")[0]  # a name in a module, unless it is a module itself
            imported |= {module for module in (target if target in files else owner,) if module in files}
        graph[name] = imported - {name}
    return graph


def room_of(module: str) -> str:
    """Return the room of a module: `arm` for `sandbox.arm.manager`, `module_utils._core` for `plugins.module_utils._core.arm`."""
    parts = module.split(".")[1:]
    if parts[:1] == ["module_utils"]:
        return ".".join(parts[:2])
    return parts[0] if parts else "__init__"


def room_graph(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return for each room the other rooms that it imports."""
    rooms: dict[str, set[str]] = {}
    for module, imported in graph.items():
        room = room_of(module)
        rooms.setdefault(room, set()).update(room_of(other) for other in imported if room_of(other) != room)
    return rooms


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return an import cycle of a graph; an empty list where it has none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def upward_imports(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the imports of a room in a higher layer."""
    level = {room: index for index, rooms in enumerate(LAYERS) for room in rooms}
    return [
        f"{module} imports {other}"
        for module, imported in sorted(graph.items())
        for other in sorted(imported)
        if "__init__" not in (room_of(module), room_of(other)) and level[room_of(other)] > level[room_of(module)]
    ]


SANDBOX = import_graph(sources("sandbox"))
PLUGINS = import_graph(sources(*(f"plugins/{folder}" for folder in PLUGIN_FOLDERS)))


def test_each_room_of_the_sandbox_has_a_layer() -> None:
    placed = [room for rooms in LAYERS for room in rooms]
    assert sorted(placed) == sorted({room_of(module) for module in SANDBOX} - {"__init__"})


def test_no_room_of_the_sandbox_imports_a_higher_layer() -> None:
    assert upward_imports(SANDBOX) == []


def test_the_sandbox_has_few_arrows_between_rooms() -> None:
    arrows = [(room, other) for room, others in room_graph(SANDBOX).items() for other in others]
    assert len(arrows) <= MAX_ARROWS


@pytest.mark.parametrize("graph", [SANDBOX, PLUGINS], ids=["sandbox", "plugins"])
def test_files_have_no_import_cycle(graph: dict[str, set[str]]) -> None:
    assert cycle(graph) == []


@pytest.mark.parametrize("graph", [SANDBOX, PLUGINS], ids=["sandbox", "plugins"])
def test_rooms_have_no_import_cycle(graph: dict[str, set[str]]) -> None:
    assert cycle(room_graph(graph)) == []


@pytest.mark.parametrize(("folder", "other"), [("sandbox", "plugins"), ("plugins", "sandbox")])
def test_sandbox_and_plugins_do_not_import_each_other(folder: str, other: str) -> None:
    imports = {name: sorted(imported_modules(name, path)) for name, path in sources(folder).items()}
    assert {
        name: found
        for name, targets in imports.items()
        if (found := [one for one in targets if one.split(".")[0] == other])
    } == {}


def test_no_file_is_too_long() -> None:
    lengths = {
        str(path.relative_to(PROJECT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources("sandbox", "plugins/module_utils").values()
    }
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES and path not in DATA_TABLES} == {}


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, 0),
        ({"a": {"b"}, "b": {"a"}}, 3),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}}, 4),
    ],
)
def test_an_import_cycle_is_detected(graph: dict[str, set[str]], expected: int) -> None:
    assert len(cycle(graph)) == expected


def test_an_upward_import_is_detected() -> None:
    assert upward_imports({"sandbox.arm.manager": {"sandbox.providers.app"}, "sandbox.providers.app": set()}) == [
        "sandbox.arm.manager imports sandbox.providers.app"
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import sandbox.store", ["sandbox.store"]),
        ("from sandbox.arm import manager as arm", ["sandbox.arm.manager"]),
        ("from ..module_utils._core.auth import token", ["plugins.module_utils._core.auth.token"]),
        (f"from {COLLECTION}plugins.module_utils._core import arm", ["plugins.module_utils._core.arm"]),
        ("if TYPE_CHECKING:\n    from sandbox.apps.runtime import Runtime", ["sandbox.apps.runtime.Runtime"]),
    ],
)
def test_each_form_of_import_is_read(tmp_path: Path, statement: str, expected: list[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(statement, encoding="utf-8")
    assert list(imported_modules("plugins.lookup.module", path)) == expected
