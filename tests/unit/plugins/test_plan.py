# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of comparison, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.plan import (
    BY_NAME,
    CREATE,
    ENUM,
    ID,
    LOCATION,
    NONE,
    NUMBER,
    QUANTITY,
    UNORDERED,
    UPDATE,
    WHOLE,
    WHOLE_BY_NAME,
    WRITE_ONLY,
    ImmutableChange,
    Rule,
    defaults_to,
    immutable,
    partial_body,
    plan,
    same_ignoring_case,
    same_keys,
    same_words,
    whole_body,
    without,
    without_none,
)

WHOLE_BODY = whole_body(())
SUB = "/subscriptions/S/resourceGroups/RG"


def action(current: Any, desired: Any, rule: Rule | None = None) -> str:
    rules = {} if rule is None else {"x": rule}
    return plan({"x": current}, {"x": desired}, rules, WHOLE_BODY).action


@pytest.mark.parametrize(
    ("current", "desired", "rule"),
    [
        ("a", "a", None),
        (1, 1, None),
        (False, False, None),
        ("", [], None),
        (None, "", None),
        (f"{SUB}/x", f"{SUB.lower()}/X/", None),
        ("Debug", "debug", ENUM),
        ("SystemAssigned, UserAssigned", "SystemAssigned,UserAssigned", ENUM),
        ("AbC", "aBc", ID),
        ("West Europe", "westeurope", LOCATION),
        ("North Central US (Stage)", "northcentralusstage", LOCATION),
        (0.5, "0.50", NUMBER),
        (None, 0, defaults_to(0)),
        ("", "Info", defaults_to("info", same_ignoring_case)),
        (False, False, defaults_to(True)),
        (60, 60.0, NUMBER),
        ("1Gi", "1.0Gi", QUANTITY),
        ("1Gi", "1024Mi", QUANTITY),
        ("Logging, Metrics", "metrics,logging", Rule(compare=same_words)),
        ({f"{SUB}/a": {"clientId": "c"}}, {f"{SUB.lower()}/A": {}}, Rule(compare=same_keys)),
        ([1, 2], [2, 1], UNORDERED),
        ({"a": 1, "b": 2}, {"a": 1}, None),
        ({"A": 1}, {"a": 1}, None),
        ({"a": "x"}, {"a": "x"}, WHOLE),
        ([{"name": "a", "v": 1}, {"name": "b"}], [{"name": "b"}, {"name": "a"}], BY_NAME),
        ([{"id": f"{SUB}/a"}], [{"id": f"{SUB.lower()}/A"}], Rule(key="id")),
        ([{"name": "a", "v": "1", "ref": ""}], [{"name": "a", "v": "1"}], WHOLE_BY_NAME),
        ("old", "new", WRITE_ONLY),
        ([{"a": 1, "b": 2}], [{"a": 1}], None),
    ],
)
def test_equal(current: Any, desired: Any, rule: Rule | None) -> None:
    assert action(current, desired, rule) == NONE


@pytest.mark.parametrize(
    ("current", "desired", "rule"),
    [
        ("Debug", "debug", None),
        (True, 1, None),
        (True, False, None),
        (None, False, None),
        ("a", "", None),
        ("westeurope", "northeurope", LOCATION),
        (0.5, "0.75", NUMBER),
        (None, 1, defaults_to(0)),
        (False, True, defaults_to(True)),
        (None, False, defaults_to(True)),
        (0.5, "half", NUMBER),
        ("1Gi", "1G", QUANTITY),
        ("1Gi", "2Gi", QUANTITY),
        ("Logging", "Logging, Metrics", Rule(compare=same_words)),
        ({f"{SUB}/a": {}}, {f"{SUB}/a": {}, f"{SUB}/b": {}}, Rule(compare=same_keys)),
        ({f"{SUB}/a": {}, f"{SUB}/b": {}}, {f"{SUB}/a": {}}, Rule(compare=same_keys)),
        ([1, 2], [2, 1], None),
        ([1], [1, 1], UNORDERED),
        ({"a": 1}, {"a": 2}, None),
        ({"a": 1, "b": 2}, {"a": 1}, WHOLE),
        ({"Team": "x"}, {"team": "x"}, WHOLE),
        ([{"name": "a"}], [], BY_NAME),
        ([{"name": "a"}], [{"name": "a"}, {"name": "b"}], BY_NAME),
        ([{"name": "a", "v": 1}], [{"name": "a", "v": 2}], BY_NAME),
        ([{"name": "a"}], [{"name": "A"}], WHOLE_BY_NAME),
        ([{"name": "a", "ref": "s"}], [{"name": "a", "v": "1"}], WHOLE_BY_NAME),
        (["a"], [], None),
        (None, {"a": 1}, None),
    ],
)
def test_different(current: Any, desired: Any, rule: Rule | None) -> None:
    assert action(current, desired, rule) == UPDATE


def test_an_absent_resource_is_created_without_null_values() -> None:
    planned = plan(None, {"a": {"b": None, "c": []}, "p": "secret"}, {"p": WRITE_ONLY}, WHOLE_BODY)
    assert planned.action == CREATE
    assert planned.body == {"a": {"c": []}, "p": "secret"}
    assert planned.after == {"a": {"c": []}}


def test_an_update_keeps_other_properties_and_azures_form_of_equal_values() -> None:
    current = {"location": "West Europe", "properties": {"state": "x", "a": {"mine": 1, "theirs": 2}, "cpu": 0.5}}
    desired = {"location": "westeurope", "properties": {"a": {"mine": 3}, "cpu": "0.50"}}
    rules = {"location": LOCATION, "properties.cpu": NUMBER}
    planned = plan(current, desired, rules, whole_body(["properties.state"]))
    assert planned.body == {"location": "West Europe", "properties": {"a": {"mine": 3, "theirs": 2}, "cpu": 0.5}}
    assert planned.after["properties"]["state"] == "x"
    assert planned.before == current


def test_a_partial_update_contains_differing_properties_completely() -> None:
    current = {"tags": {"a": "1"}, "sku": {"name": "S"}, "properties": {"a": {"x": 1, "y": 2}, "b": 1}}
    planned = plan(current, {"tags": {"a": "1"}, "properties": {"a": {"x": 9}}}, {}, partial_body(()))
    assert planned.body == {"properties": {"a": {"x": 9, "y": 2}}}


def test_write_only_values_are_sent_but_not_in_the_result() -> None:
    planned = plan({"a": 1}, {"a": 2, "p": "secret"}, {"p": WRITE_ONLY}, WHOLE_BODY)
    assert planned.body == {"a": 2, "p": "secret"}
    assert "secret" not in str((planned.before, planned.after))


def test_items_of_a_keyed_list_are_merged_and_others_removed() -> None:
    current = {"c": [{"name": "a", "image": "1", "theirs": True}, {"name": "old"}]}
    planned = plan(current, {"c": [{"name": "a", "image": "2"}, {"name": "new"}]}, {"c": BY_NAME}, WHOLE_BODY)
    assert planned.body == {"c": [{"name": "a", "image": "2", "theirs": True}, {"name": "new"}]}


def test_exclusive_properties_replace_each_other() -> None:
    rules = {"p": Rule(key="type"), "p[]": Rule(exclusive=("http", "tcp"))}
    current = {"p": [{"type": "L", "tcp": {"port": 1}, "period": 5}]}
    planned = plan(current, {"p": [{"type": "L", "http": {"port": 2}}]}, rules, WHOLE_BODY)
    assert planned.body == {"p": [{"type": "L", "period": 5, "http": {"port": 2}}]}


def test_an_immutable_change_names_the_option_and_both_values() -> None:
    with pytest.raises(ImmutableChange) as caught:
        plan({"a": "x"}, {"a": "y"}, {"a": immutable("option_a")}, WHOLE_BODY)
    assert (caught.value.option, caught.value.current, caught.value.desired) == ("option_a", "x", "y")


def test_the_inputs_are_not_modified() -> None:
    current = {"a": [{"name": "x", "v": {"k": 1}}]}
    plan(current, {"a": [{"name": "x", "v": {"k": 2}}]}, {"a": BY_NAME}, WHOLE_BODY)
    assert current == {"a": [{"name": "x", "v": {"k": 1}}]}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("a", {"b": [{"c": 1, "d": 2}], "m": {"k1": {"e": 1}, "k2": {}}}),
        ("b[].c", {"a": 1, "b": [{"d": 2}], "m": {"k1": {"e": 1}, "k2": {}}}),
        ("m.*.e", {"a": 1, "b": [{"c": 1, "d": 2}], "m": {"k1": {}, "k2": {}}}),
        ("x.y.z", {"a": 1, "b": [{"c": 1, "d": 2}], "m": {"k1": {"e": 1}, "k2": {}}}),
    ],
)
def test_without(path: str, left: Any) -> None:
    assert without({"a": 1, "b": [{"c": 1, "d": 2}], "m": {"k1": {"e": 1}, "k2": {}}}, [path]) == left


def test_without_none_keeps_empty_lists() -> None:
    assert without_none({"a": None, "b": [], "c": {"d": None}, "e": [{"f": None}]}) == {"b": [], "c": {}, "e": [{}]}


@pytest.mark.parametrize(("desired", "current"), [(["a", "a"], ["a", "b"]), (["a", "b"], ["a", "a"])])
def test_an_unordered_list_with_a_duplicate_differs(desired: list[str], current: list[str]) -> None:
    planned = plan({"list": current}, {"list": desired}, {"list": UNORDERED}, whole_body(()))
    assert planned.action == UPDATE
