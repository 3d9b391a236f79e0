# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole recorded conversations with Azure: what was written is found in what Azure shows afterwards.

And a case that Azure settled is settled however its values are spelled. See test_golden.py for where the recordings are.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan
from test_golden import (
    MODULES,
    RECORDINGS,
    _secrets,
    at,
    cases,
    decide,
    expressible,
    load,
    resource,
    sample,
    shapes,
    with_identities,
)

pytestmark = pytest.mark.skipif(
    not (RECORDINGS / "recordings").is_dir(),
    reason=f"no recordings of Azure in {RECORDINGS} (set MLFLOW_AZURE_RECORDINGS)",
)
# What a recorded write has that the module would not have sent: it refuses the one, does not say the other.
# The first is a database whose compute never pauses, the second a rule in Azure's own form.
NEVER_SENT = {
    "old__test_sql_db_serverless_mgmt#42": ("properties.autoPauseDelay", "properties.minCapacity"),
    "ext__test_containerapp_scale_update_azure_queue#19": ("properties.template.scale.rules",),
}
# The recorder put this in place of the id of a workspace.
FAKED = "veryFakedCustomerId=="


@cache
def paths() -> dict[str, tuple[str, re.Pattern[str]]]:
    """By module: its type, and what the paths of its resources look like."""
    found = {}
    for module in MODULES:
        path = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(resource(module).path))
        found[module] = (resource(module).type, re.compile(f"/subscriptions/[^/]+{path}", re.IGNORECASE))
    return found


def module_of(path: str) -> str | None:
    return next((module for module, (_type, pattern) in paths().items() if pattern.fullmatch(path)), None)


def settled(body: Any) -> bool:
    state = str((body.get("properties") or {}).get("provisioningState", "Succeeded")).lower()
    return state == "succeeded"


def conversations() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for file in sorted((RECORDINGS / "recordings").rglob("*.json")):
        content = json.loads(file.read_text())
        if file.name != "INDEX.json" and isinstance(content, list):
            yield file.stem, content


def path_of(entry: dict[str, Any]) -> str:
    return unquote(urlsplit(entry["url"]).path).rstrip("/").lower()


@cache
def writes() -> list[tuple[str, str, Any, Any]]:
    """(where, module, what was written, what a read showed before anything below or above that path was written again)."""
    found = []
    if not (RECORDINGS / "recordings").is_dir():
        return found
    for name, entries in conversations():
        for place, entry in enumerate(entries):
            path, sent = path_of(entry), entry.get("request_body")
            module = module_of(path)
            good = entry["method"] in ("PUT", "PATCH") and 200 <= (entry["status"] or 0) < 300
            if module is None or not good or not isinstance(sent, dict):
                continue
            shown = None
            for later in entries[place + 1 :]:
                there = path_of(later)
                related = there.startswith(path) or path.startswith(f"{there}/")
                if related and later["method"] in ("PUT", "PATCH", "DELETE"):
                    break
                body = later.get("response_body")
                if there == path and later["method"] == "GET" and later["status"] == 200 and isinstance(body, dict):
                    shown = body if settled(body) else shown
            if shown is not None:
                found.append((f"{name}#{entry['i']}", module, with_identities(entry["method"], sent), shown))
    return found


def wanted(module: str, sent: Any) -> Any:
    """The part of a written body that the module's options can say."""
    found = resource(module)
    if module == "container_app_environment":
        sent = with_consumption(sent)
    described = found.desired({**{name: sample(spec) for name, spec in found.options.items()}, "name": "x"})
    return expressible(sent, set(shapes(_plan.without_none(described), found.rules)), found.rules) or {}


def with_secrets(module: str, sent: Any, shown: Any) -> Any:
    """What is shown, with the values that a module gets by listSecrets."""
    if module not in ("container_app", "container_app_job"):
        return shown
    values = {item["name"]: item.get("value") for item in _secrets(sent)}
    for secret in _secrets(shown):
        secret["value"] = values.get(secret["name"])
    return shown


def with_consumption(sent: Any) -> Any:
    """The module asks for this workload profile itself, for Azure adds it anyway."""
    sent = copy.deepcopy(sent)
    profiles = (sent.get("properties") or {}).get("workloadProfiles")
    if profiles and not any("consumption" in str(profile).lower() for profile in profiles):
        profiles.append({"name": "Consumption", "workloadProfileType": "Consumption"})
    return sent


def as_options_say_it(asked: Any, shown: Any) -> Any:
    """The same wish in the types of the module's options.

    Numbers are numbers there, where some recorded requests have strings; the module does not send C(latestRevision) false.
    """
    if isinstance(asked, dict):
        shown = {key.casefold(): value for key, value in shown.items()} if isinstance(shown, dict) else {}
        kept = {
            key: value for key, value in asked.items() if (key, value) != ("latestRevision", False) and value != FAKED
        }
        return {key: as_options_say_it(value, shown.get(key.casefold())) for key, value in kept.items()}
    if isinstance(asked, list):
        others = shown if isinstance(shown, list) and len(shown) >= len(asked) else [None] * len(asked)
        named = {str(item.get("name")): item for item in others if isinstance(item, dict)}
        return [
            as_options_say_it(a, named.get(str(a.get("name")), o) if isinstance(a, dict) else o)
            for a, o in zip(asked, others, strict=False)
        ]
    is_number = isinstance(shown, (int, float)) and not isinstance(shown, bool)
    return type(shown)(asked) if is_number and isinstance(asked, str) and re.fullmatch(r"[0-9.]+", asked) else asked


@pytest.mark.parametrize("place", range(len(writes())))
def test_what_was_written_is_shown(place: int) -> None:
    where, module, sent, shown = writes()[place]
    current = with_secrets(module, sent, copy.deepcopy(shown))
    asked = _plan.without(as_options_say_it(wanted(module, sent), current), NEVER_SENT.get(where, ()))
    assert decide(resource(module), current, asked).body == {}, where


def test_count_of_recorded_writes(told: Callable[[str], None]) -> None:
    by_module = Counter(module for _where, module, _sent, _shown in writes())
    told(f"recorded writes: {len(writes())} ({', '.join(f'{m} {n}' for m, n in sorted(by_module.items()))})")
    assert len(writes()) > 200


# Spelling: the same wish in other words.


def marked(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The spec, once for each option with choices, which then has the one choice "enumerated"."""
    if spec.get("choices") and spec.get("type", "str") == "str":
        yield {**spec, "choices": ["enumerated"]}
    for name, sub in (spec.get("options") or {}).items():
        for other in marked(sub):
            yield {**spec, "options": {**spec["options"], name: other}}


@cache
def enumerations(module: str) -> frozenset[str]:
    """Paths of what options with choices say."""
    found, paths = resource(module), set()
    for spec in marked({"type": "dict", "options": dict(found.options)}):
        try:
            described = _plan.without_none(found.desired({**sample(spec), "name": "x"}))
        except KeyError:
            # The option's word decides where others stand, and is not sent as it is.
            continue
        paths |= {path for path in shapes(described, found.rules) if "enumerated" in at(described, path)}
    return frozenset(paths)


def spellings(value: Any, module: str, rules: _plan.Rules, path: str = "") -> Iterator[tuple[str, Any]]:
    """The wish with one value spelled in another way, as (what was done, wish)."""
    for kind, other in respelled(value, module, rules.get(path, _plan.Rule()), path):
        yield f"{path}: {kind}", other
    if isinstance(value, dict):
        for key in value:
            for what, other in spellings(value[key], module, rules, f"{path}.{key}" if path else key):
                yield what, {**value, key: other}
    elif isinstance(value, list):
        for place, item in enumerate(value):
            for what, other in spellings(item, module, rules, f"{path}[]"):
                yield what, [*value[:place], other, *value[place + 1 :]]


def respelled(value: Any, module: str, rule: _plan.Rule, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and len(value) > 1 and (rule.key or rule.unordered):
        yield "order", value[::-1]
    if path == "location":
        yield "location", "".join(value.split()).lower()
        yield "location", value.upper()
    elif isinstance(value, str) and value.lower().startswith("/subscriptions/"):
        yield "id", value.lower()
        yield (
            "id",
            value.replace("/resourceGroups/", "/RESOURCEGROUPS/").replace("/resourcegroups/", "/resourceGroups/"),
        )
    elif isinstance(value, str) and path in enumerations(module):
        yield "enum", value.lower()
        yield "enum", value.upper()
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and rule.compare is _plan.same_number:
        yield "number", str(value)
        yield "number", float(value)
    elif isinstance(value, str) and rule.compare is _plan.same_quantity and value.endswith("Gi"):
        yield "quantity", f"{float(value[:-2]):.2f}Gi"
        yield "quantity", f"{float(value[:-2]) * 1024:g}Mi"
    elif isinstance(value, dict) and value and all(key.lower().startswith("/subscriptions/") for key in value):
        yield "ids", {key.lower(): item for key, item in value.items()}


def unset(value: Any, how: str) -> Any:
    """What stands, with everything that is unset written in one way: missing, null or as it is empty."""
    if isinstance(value, dict):
        parts = {key: unset(item, how) for key, item in value.items()}
        empty = {key for key, item in value.items() if item is None or item in ("", [])}
        if how == "missing":
            return {key: item for key, item in parts.items() if key not in empty}
        return {key: None if key in empty else item for key, item in parts.items()}
    return [unset(item, how) for item in value] if isinstance(value, list) else value


def test_spelling_is_no_change(told: Callable[[str], None]) -> None:
    tried: Counter[str] = Counter()
    wrong = []
    for module, index in cases():
        found, current, asked = load(module, index)
        variants = [(what, other, current) for what, other in spellings(asked, module, found.rules)]
        variants += [(f": unset as {how}", asked, unset(current, how)) for how in ("missing", "null")]
        for what, other, there in variants:
            tried[what.rpartition(": ")[2]] += 1
            try:
                planned = decide(found, copy.deepcopy(there), other)
            except _plan.ImmutableChange as change:
                wrong.append(f"{module}[{index}] {what}: {change}")
                continue
            if planned.action != _plan.NONE:
                wrong.append(f"{module}[{index}] {what}")
    told(
        f"other spellings of the recorded cases: {sum(tried.values())} ({', '.join(f'{k} {n}' for k, n in tried.items())})"
    )
    assert not wrong
    assert set(tried) >= {
        "order",
        "location",
        "id",
        "ids",
        "enum",
        "number",
        "quantity",
        "unset as missing",
        "unset as null",
    }
