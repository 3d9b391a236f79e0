# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what an update has to change: pure functions over ARM JSON, no I/O.

C(desired) is always a subset of the resource: what it does not mention is not compared and is kept as it stands.
A rule per path says how a value is compared. A path joins property names with dots and writes C([]) for the items of
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
    """How one path is compared and merged.

    compare: decides equality of the two whole values; without it mappings and lists are walked.
    key: list items are matched by this property (ids without regard to case), their order does not count.
    unordered: the list is a set of scalars or of whole items.
    whole: the value (or each item of a keyed list) is replaced, never overlaid: what is not desired goes away.
    write_only: Azure never returns it, so it is sent with a create or an update but never compared.
    exclusive: of these properties only one can stand: the desired one drives the others out.
    immutable: name of the option in the error when the value differs. Azure fixes the property at creation.
    unless: (desired, current), true for the changes of an immutable value that Azure accepts.
    reason, remedy: why an immutable value cannot change, and what the user can do instead of keeping it.
    additive: items of a keyed list that are not desired stay.
    removable: an empty mapping means that there is to be none; it is sent as null.
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
    """action: create, update, none or delete; before and after: the resource without write-only values; body: request."""

    action: str
    before: dict[str, Json]
    after: dict[str, Json]
    body: dict[str, Json]

    @property
    def changed(self) -> bool:
        return self.action != NONE


def is_empty(value: Json) -> bool:
    """Azure writes an unset value as null, "", [] or {}, or leaves it out."""
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def same(desired: Json, current: Json) -> bool:
    """Scalars by value; resource ids without regard to case; every form of unset is the same."""
    if is_empty(desired) and is_empty(current):
        return True
    if isinstance(desired, bool) or isinstance(current, bool):
        return desired is current
    if isinstance(desired, str) and isinstance(current, str) and desired.lower().startswith("/subscriptions/"):
        return desired.lower().rstrip("/") == current.lower().rstrip("/")
    return bool(desired == current)


def same_ignoring_case(desired: Json, current: Json) -> bool:
    return bool(_folded(desired) == _folded(current))


def same_location(desired: Json, current: Json) -> bool:
    """ "West Europe" is "westeurope", "North Central US (Stage)" is "northcentralusstage"."""
    return folded_location(desired) == folded_location(current)


def folded_location(value: Json) -> str:
    """A location as Azure writes it in short: "westeurope"."""
    return "".join(filter(str.isalnum, str(value or ""))).casefold()


def same_words(desired: Json, current: Json) -> bool:
    """ "Logging, Metrics" is "metrics,logging": a list of words in one string, in any order."""
    return {_folded(word) for word in str(desired or "").split(",")} == {
        _folded(word) for word in str(current or "").split(",")
    }


def same_number(desired: Json, current: Json) -> bool:
    """0.5, "0.5" and "0.50" are the same number."""
    try:
        return Decimal(str(desired)) == Decimal(str(current))
    except InvalidOperation:
        return same(desired, current)


_BINARY = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def same_quantity(desired: Json, current: Json) -> bool:
    """1Gi, 1.0Gi and 1024Mi are the same amount of memory."""
    left, right = quantity_in_bytes(desired), quantity_in_bytes(current)
    return same(desired, current) if left is None or right is None else left == right


def quantity_in_bytes(quantity: Json) -> Decimal | None:
    """Bytes of a quantity as 1.5Gi; None when it is none."""
    text = str(quantity)
    suffix = text.lstrip("0123456789.")
    try:
        return Decimal(text[: len(text) - len(suffix)]) * _BINARY[suffix]
    except (InvalidOperation, KeyError):
        return None


def same_keys(desired: Json, current: Json) -> bool:
    """Mappings from resource ids: only the ids count, without regard to case."""
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
    """Return the same rule, but a difference is an error that names the option, except the changes that C(unless) accepts."""
    return replace(rule, immutable=option, unless=unless)


def without_none(value: Json) -> Json:
    """Drop what the user did not set: None values of mappings, at any depth. Empty lists and mappings stay."""
    if isinstance(value, Mapping):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_none(item) for item in value if item is not None]
    return value


def without(value: Json, paths: Iterable[str]) -> Json:
    """A copy without the given paths; C([]) stands for every item of a list, C(*) for every key of a mapping."""
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
    """Compare what stands with what is desired.

    current: the resource as GET gives it, None when it is absent. body_of_update: makes the request of an update from
    C(current) and C(after); C(whole_body) and C(partial_body) give the two usual ones.
    Raises ImmutableChange.
    """
    wanted = without_none(desired)
    write_only = [path for path, rule in rules.items() if rule.write_only]
    if current is None:
        return Plan(CREATE, {}, without(wanted, write_only), wanted)
    before = dict(current)
    merged, changed = _merge(wanted, before, rules, "")
    after = without(merged, write_only)
    if not changed:
        return Plan(NONE, before, before, {})
    return Plan(UPDATE, before, after, body_of_update(before, merged))


def replan_full(planned: Plan, desired: Mapping[str, Json], rules: Rules, read_only: Iterable[str]) -> Plan:
    """Return the same plan with the whole resource as the body, also where nothing differs (its last operation failed)."""
    merged, _changed = _merge(without_none(desired), planned.before, rules, "")
    return planned._replace(action=UPDATE, body=without(merged, read_only))


def whole_body(read_only: Iterable[str]) -> Callable[[dict[str, Json], dict[str, Json]], dict[str, Json]]:
    """PUT: everything that stands, overlaid with what is desired, without what only Azure can set."""
    paths = tuple(read_only)

    def body(_before: dict[str, Json], after: dict[str, Json]) -> dict[str, Json]:
        return dict(without(after, paths))

    return body


def partial_body(read_only: Iterable[str]) -> Callable[[dict[str, Json], dict[str, Json]], dict[str, Json]]:
    """PATCH: only the properties that differ, each of them whole."""
    paths = tuple(read_only)

    def body(before: dict[str, Json], after: dict[str, Json]) -> dict[str, Json]:
        old, new = without(before, paths), without(after, paths)
        result = {key: item for key, item in new.items() if key != "properties" and old.get(key) != item}
        old_properties = old.get("properties") or {}
        properties = {k: v for k, v in (new.get("properties") or {}).items() if old_properties.get(k) != v}
        return {**result, "properties": properties} if properties else result

    return body


def _merge(desired: Json, current: Json, rules: Rules, path: str) -> tuple[Json, bool]:
    """The desired value over the current one, and whether that changes anything. An equal value keeps Azure's form."""
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
    driven_out = {key for key in exclusive if key not in desired} if any(key in desired for key in exclusive) else set()
    result = {key: value for key, value in (current or {}).items() if key not in driven_out}
    spelled = {key.casefold(): key for key in result}
    changed = False
    for key, value in desired.items():
        present = key if key in result else spelled.get(key.casefold(), key)
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
    standing = {_key(item.get(rule.key)): item for item in current}
    named = {_key(item.get(rule.key)) for item in desired}
    kept = [item for key, item in standing.items() if key not in named] if rule.additive else []
    changed = len(named) + len(kept) != len(standing) or not named <= set(standing)
    result = []
    for item in desired:
        old = standing.get(_key(item.get(rule.key)))
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
    """Names are told apart by case (environment variables), resource ids are not."""
    return value.casefold() if isinstance(value, str) and value.lower().startswith("/subscriptions/") else value


def equal_whole(desired: Json, current: Json, rules: Rules | None = None, path: str = "") -> bool:
    """Equal in both directions: what the one does not mention must be unset in the other."""
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
