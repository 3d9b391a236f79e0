# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what an update has to change: pure functions over ARM JSON, no I/O.

C(desired) is always a subset of the resource: what it does not contain is not compared, and keeps its current value.
A rule per path defines how a value is compared. A path joins property names with dots and writes C([]) for the items of
a list: C(properties.template.containers[].resources.cpu). A path without a rule compares mappings key by key, lists
item by item in their order, and scalars by value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

Json = Any
Compare = Callable[[Json, Json], bool]

CREATE = "create"
UPDATE = "update"
DELETE = "delete"
NONE = "none"


class ImmutableChange(Exception):
    """A property that Azure does not change differs from the desired value."""

    def __init__(self, option: str, current: Json, desired: Json, rule: Rule) -> None:
        super().__init__(
            f"{option}: is {current!r} and cannot become {desired!r}, because {rule.reason}. "
            f"Keep {current!r}, or {rule.remedy}."
        )
        self.option = option
        self.current = current
        self.desired = desired


@dataclass(frozen=True)
class Rule:
    """A rule for the comparison and the merge of one path.

    compare: decides equality of the two whole values; without it mappings and lists are walked.
    key: list items are matched by this property (ids without regard to case), their order does not count.
    unordered: the list is a set of scalars or of whole items.
    whole: the value (or each item of a keyed list) is replaced, never merged: what is not desired is removed.
    write_only: Azure never returns it, so it is sent with a create or an update but never compared.
    exclusive: only one of these properties can exist: the desired one replaces the others.
    immutable: name of the option in the error when the value differs. Azure fixes the property at creation.
    unless: (desired, current), true for the changes of an immutable value that Azure accepts.
    reason, remedy: why an immutable value cannot change, and what the user can do instead of keeping it.
    additive: items of a keyed list that are not desired stay.
    removable: an empty mapping removes the value; it is sent as null.
    """

    compare: Compare | None = None
    key: str | None = None
    unordered: bool = False
    whole: bool = False
    write_only: bool = False
    exclusive: tuple[str, ...] = ()
    immutable: str | None = None
    unless: Compare | None = None
    reason: str = "Azure fixes it when the resource is created"
    remedy: str = "delete the resource (state: absent) and create it anew"
    additive: bool = False
    removable: bool = False


Rules = Mapping[str, Rule]


class Plan(NamedTuple):
    """The difference between desired and current state.

    action: create, update, none or delete. before, after: the resource without write-only values. body: of the request.
    """

    action: str
    before: dict[str, Json]
    after: dict[str, Json]
    body: dict[str, Json]

    @property
    def changed(self) -> bool:
        """Whether the plan changes anything."""
        return self.action != NONE


def is_empty(value: Json) -> bool:
    """Return whether a value is unset, which Azure writes as null, "", [] or {}, or leaves out."""
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def same(desired: Json, current: Json) -> bool:
    """Return whether two scalars are equal. Resource ids ignore case; all forms of an unset value are equal."""
    if is_empty(desired) and is_empty(current):
        return True
    if isinstance(desired, bool) or isinstance(current, bool):
        return desired is current
    if isinstance(desired, str) and isinstance(current, str) and desired.lower().startswith("/subscriptions/"):
        return desired.lower().rstrip("/") == current.lower().rstrip("/")
    return bool(desired == current)


def same_ignoring_case(desired: Json, current: Json) -> bool:
    """Return whether two texts are equal without regard to case and white space; an unset one is the empty text."""
    return bool(_folded(desired) == _folded(current))


def same_location(desired: Json, current: Json) -> bool:
    """Return whether two locations are the same: "West Europe" is "westeurope"."""
    return folded_location(desired) == folded_location(current)


def folded_location(value: Json) -> str:
    """Return the short form of a location: "North Central US (Stage)" is "northcentralusstage"."""
    return "".join(filter(str.isalnum, str(value or ""))).casefold()


def same_words(desired: Json, current: Json) -> bool:
    """Return whether two texts have the same words, separated by commas, in any order: "Logging, Metrics" is "metrics,logging"."""
    return {_folded(word) for word in str(desired or "").split(",")} == {
        _folded(word) for word in str(current or "").split(",")
    }


def same_number(desired: Json, current: Json) -> bool:
    """Return whether two numbers are equal: 0.5, "0.5" and "0.50" are."""
    try:
        return Decimal(str(desired)) == Decimal(str(current))
    except InvalidOperation:
        return same(desired, current)


_BINARY = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def same_quantity(desired: Json, current: Json) -> bool:
    """Return whether two amounts of memory are equal: 1Gi, 1.0Gi and 1024Mi are."""
    left, right = quantity_in_bytes(desired), quantity_in_bytes(current)
    return same(desired, current) if left is None or right is None else left == right


def quantity_in_bytes(quantity: Json) -> Decimal | None:
    """Return the bytes of a quantity as 1.5Gi; None for an invalid one."""
    text = str(quantity)
    suffix = text.lstrip("0123456789.")
    try:
        return Decimal(text[: len(text) - len(suffix)]) * _BINARY[suffix]
    except (InvalidOperation, KeyError):
        return None


def same_keys(desired: Json, current: Json) -> bool:
    """Return whether two mappings have the same resource ids as keys, without regard to case."""
    return {_folded(key) for key in desired or {}} == {_folded(key) for key in current or {}}


def _folded(value: Json) -> Json:
    return "".join(value.split()).casefold() if isinstance(value, str) else "" if value is None else value


ID = Rule(compare=same_ignoring_case)
LOCATION = Rule(compare=same_location)
ENUM = Rule(compare=same_ignoring_case)
NUMBER = Rule(compare=same_number)
QUANTITY = Rule(compare=same_quantity)
# Azure returns null, or leaves out, what is switched off.
FLAG = Rule(compare=lambda desired, current: bool(desired) is bool(current))
UNORDERED = Rule(unordered=True)
WHOLE = Rule(whole=True)
WRITE_ONLY = Rule(write_only=True)
BY_NAME = Rule(key="name")
WHOLE_BY_NAME = Rule(key="name", whole=True)
_DEFAULT = Rule()


def immutable(option: str, rule: Rule = _DEFAULT, unless: Compare | None = None) -> Rule:
    """Return the rule with a difference as an error that names the option, except the changes that C(unless) accepts."""
    return replace(rule, immutable=option, unless=unless)


def defaults_to(default: Json, compare: Compare = same) -> Rule:
    """Return the rule of a property that Azure may leave out, which means the default."""
    return Rule(compare=lambda desired, current: compare(desired, default if is_empty(current) else current))


def without_none(value: Json) -> Json:
    """Return the value without the options that are not set: None in mappings, at any depth. Empty lists and mappings stay."""
    if isinstance(value, Mapping):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_none(item) for item in value if item is not None]
    return value


def without(value: Json, paths: Iterable[str]) -> Json:
    """Return a copy without the paths; C([]) is every item of a list, C(*) every key of a mapping."""
    result = value
    for path in paths:
        result = _without_path(result, path.replace("[]", ".[]").split("."))
    return result


def _without_path(value: Json, parts: list[str]) -> Json:
    if parts[0] == "[]":
        return [_without_path(item, parts[1:]) for item in value] if isinstance(value, list) and parts[1:] else value
    if isinstance(value, Mapping) and parts[0] == "*":
        return {key: _without_path(item, parts[1:]) for key, item in value.items()}
    if not isinstance(value, Mapping) or parts[0] not in value:
        return value
    if not parts[1:]:
        return {key: item for key, item in value.items() if key != parts[0]}
    return {key: _without_path(item, parts[1:]) if key == parts[0] else item for key, item in value.items()}


def plan(
    current: Mapping[str, Json] | None,
    desired: Mapping[str, Json],
    rules: Rules,
    body_of_update: Callable[[dict[str, Json], dict[str, Json]], dict[str, Json]],
) -> Plan:
    """Return the plan of a task. Raise ImmutableChange.

    current: the resource as GET returns it, None when it is absent. body_of_update: returns the body of an update for
    C(current) and C(after); C(whole_body) and C(partial_body) return the two usual functions.
    """
    target = without_none(desired)
    write_only = [path for path, rule in rules.items() if rule.write_only]
    if current is None:
        return Plan(CREATE, {}, without(target, write_only), target)
    before = dict(current)
    merged, changed = _merge(target, before, rules, "")
    after = without(merged, write_only)
    if not changed:
        return Plan(NONE, before, before, {})
    return Plan(UPDATE, before, after, body_of_update(before, merged))


def replan_full(planned: Plan, desired: Mapping[str, Json], rules: Rules, read_only: Iterable[str]) -> Plan:
    """Return the same plan with the whole resource as the body, also where nothing differs (its last operation failed)."""
    merged, _changed = _merge(without_none(desired), planned.before, rules, "")
    return planned._replace(action=UPDATE, body=without(merged, read_only))


def whole_body(read_only: Iterable[str]) -> Callable[[dict[str, Json], dict[str, Json]], dict[str, Json]]:
    """Return the function for the body of a PUT: the current resource, merged with the desired state, without read-only paths."""
    paths = tuple(read_only)

    def body(_before: dict[str, Json], after: dict[str, Json]) -> dict[str, Json]:
        return dict(without(after, paths))

    return body


def partial_body(read_only: Iterable[str]) -> Callable[[dict[str, Json], dict[str, Json]], dict[str, Json]]:
    """Return the function for the body of a PATCH: only the properties that differ, each of them whole."""
    paths = tuple(read_only)

    def body(before: dict[str, Json], after: dict[str, Json]) -> dict[str, Json]:
        old, new = without(before, paths), without(after, paths)
        result = {key: item for key, item in new.items() if key != "properties" and old.get(key) != item}
        old_properties = old.get("properties") or {}
        properties = {k: v for k, v in (new.get("properties") or {}).items() if old_properties.get(k) != v}
        return {**result, "properties": properties} if properties else result

    return body


def _merge(desired: Json, current: Json, rules: Rules, path: str) -> tuple[Json, bool]:
    """Return the desired value merged into the current one, and whether that is a change. An equal value keeps Azure's form."""
    rule = rules.get(path, _DEFAULT)
    if rule.write_only:
        return desired, False
    if rule.compare is not None:
        merged, changed = (current, False) if rule.compare(desired, current) else (desired, True)
    elif rule.removable and desired == {}:
        merged, changed = (current, False) if is_empty(current) else (None, True)
    elif isinstance(desired, Mapping):
        merged, changed = _merge_mapping(desired, current if isinstance(current, Mapping) else None, rules, path)
    elif isinstance(desired, list):
        merged, changed = _merge_list(desired, current if isinstance(current, list) else [], rules, path)
    else:
        merged, changed = (current, False) if same(desired, current) else (desired, True)
    if changed and rule.immutable is not None and not (rule.unless and rule.unless(desired, current)):
        raise ImmutableChange(rule.immutable, current, desired, rule)
    return merged, changed


def _merge_mapping(
    desired: Mapping[str, Json], current: Mapping[str, Json] | None, rules: Rules, path: str
) -> tuple[Json, bool]:
    if rules.get(path, _DEFAULT).whole:
        equal = equal_whole(desired, current or {})
        return (current if equal else dict(desired)), not equal
    exclusive = rules.get(path, _DEFAULT).exclusive
    replaced = {key for key in exclusive if key not in desired} if any(key in desired for key in exclusive) else set()
    result = {key: value for key, value in (current or {}).items() if key not in replaced}
    by_folded_key = {key.casefold(): key for key in result}
    changed = False
    for key, value in desired.items():
        present = key if key in result else by_folded_key.get(key.casefold(), key)
        merged, differs = _merge(value, result.get(present), rules, f"{path}.{key}" if path else key)
        changed = changed or differs
        if differs or present in result or rules.get(f"{path}.{key}" if path else key, _DEFAULT).write_only:
            result[present] = merged
    return (result if changed or current is not None else current), changed


def _merge_list(desired: list[Json], current: list[Json], rules: Rules, path: str) -> tuple[Json, bool]:
    rule = rules.get(path, _DEFAULT)
    if rule.unordered:
        equal = len(desired) == len(current) and _contains(current, desired) and _contains(desired, current)
        return (current if equal else desired), not equal
    if rule.key is None:
        if len(desired) != len(current):
            return desired, True
        pairs = [_merge(d, c, rules, f"{path}[]") for d, c in zip(desired, current, strict=True)]
        return [merged for merged, _differs in pairs], any(differs for _merged, differs in pairs)
    return _merge_keyed(desired, current, rules, path, rule)


def _contains(items: list[Json], others: list[Json]) -> bool:
    return all(any(equal_whole(other, item) for item in items) for other in others)


def _merge_keyed(desired: list[Json], current: list[Json], rules: Rules, path: str, rule: Rule) -> tuple[Json, bool]:
    existing = {_key(item.get(rule.key)): item for item in current}
    keys = {_key(item.get(rule.key)) for item in desired}
    kept = [item for key, item in existing.items() if key not in keys] if rule.additive else []
    changed = len(keys) + len(kept) != len(existing) or not keys <= set(existing)
    result = []
    for item in desired:
        old = existing.get(_key(item.get(rule.key)))
        if old is None:
            merged: Json = item
        elif rule.whole:
            equal = equal_whole(item, old, rules, f"{path}[]")
            merged, changed = (old if equal else item), changed or not equal
        else:
            merged, differs = _merge(item, old, rules, f"{path}[]")
            changed = changed or differs
        result.append(merged)
    return ([*result, *kept] if changed else current), changed


def _key(value: Json) -> Json:
    """Return the key to match an item by: names are case-sensitive (environment variables), resource ids are not."""
    return value.casefold() if isinstance(value, str) and value.lower().startswith("/subscriptions/") else value


def equal_whole(desired: Json, current: Json, rules: Rules | None = None, path: str = "") -> bool:
    """Return whether two values are equal in both directions: what one does not contain must be unset in the other."""
    if rules and path in rules and rules[path].compare is not None:
        compare = rules[path].compare
        return compare is not None and compare(desired, current)
    if isinstance(desired, Mapping) and isinstance(current, Mapping):
        keys = set(desired) | set(current)
        return all(equal_whole(desired.get(k), current.get(k), rules, f"{path}.{k}") for k in keys)
    if isinstance(desired, list) and isinstance(current, list):
        return len(desired) == len(current) and all(
            equal_whole(d, c, rules, f"{path}[]") for d, c in zip(desired, current, strict=True)
        )
    return same(desired, current)
