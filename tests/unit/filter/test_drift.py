# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter drift: each different resource with each different property."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.filter.drift import drift

GROUP = "/subscriptions/s/resourceGroups/rg"
APP = f"{GROUP}/providers/Microsoft.App/containerapps/mlflow"
DATABASE = f"{GROUP}/providers/Microsoft.Sql/servers/s1/databases/mlflow"


def changed(before: Any, after: Any, **more: Any) -> dict[str, Any]:
    return {"changed": True, "diff": {"before": before, "after": after}, **more}


@pytest.mark.parametrize(
    "result",
    [
        {"changed": False, "diff": {"before": {"a": 1}, "after": {"a": 1}}},
        {"changed": False, "skipped": True},
        {"skipped": True},
        {"results": []},
        {"changed": False, "results": [{"changed": False}]},
    ],
)
def test_results_without_a_change_are_no_drift(result: dict[str, Any]) -> None:
    assert drift([result]) == []


def test_each_different_property_has_both_values() -> None:
    before = {
        "id": APP,
        "properties": {"scale": {"max": 5, "min": 1}, "env": [{"name": "A", "value": "x"}], "tls": True},
    }
    after = {"id": APP, "properties": {"scale": {"max": 1, "min": 1}, "env": [{"name": "A", "value": "y"}], "new": "z"}}
    (found_items,) = drift([changed(before, after)])
    assert found_items["resource"] == APP
    assert found_items["state"] == "different"
    assert found_items["differences"] == [
        {"path": "properties.env[A].value", "expected": "y", "actual": "x"},
        {"path": "properties.new", "expected": "z", "actual": "nothing"},
        {"path": "properties.scale.max", "expected": 1, "actual": 5},
        {"path": "properties.tls", "expected": "nothing", "actual": True},
    ]
    assert found_items["lines"][2] == "Microsoft.App/containerapps mlflow: properties.scale.max is 5, and should be 1"


def test_lists_of_different_lengths_are_one_difference() -> None:
    (found_items,) = drift([changed({"id": APP, "rules": []}, {"id": APP, "rules": [{"name": "office"}]})])
    assert found_items["lines"] == [
        'Microsoft.App/containerapps mlflow: rules is [], and should be [{"name": "office"}]'
    ]


@pytest.mark.parametrize(
    ("before", "after", "state", "line"),
    [
        ({}, {"id": DATABASE}, "missing", "Microsoft.Sql/servers/databases s1/mlflow: is missing"),
        (None, {"id": GROUP}, "missing", "resourceGroups rg: is missing"),
        ({"id": DATABASE}, {}, "unwanted", "Microsoft.Sql/servers/databases s1/mlflow: is there, and should not be"),
        ({"id": APP}, {"id": APP}, "different", "Microsoft.App/containerapps mlflow: differs"),
    ],
)
def test_missing_and_unwanted_resources(before: Any, after: Any, state: str, line: str) -> None:
    (found_items,) = drift([changed(before, after)])
    assert (found_items["state"], found_items["lines"]) == (state, [line])


def test_a_changed_result_without_a_diff_is_drift() -> None:
    (found_items,) = drift([{"changed": True, "container_image": {"reference": "cr.azurecr.io/mlflow:1"}}])
    assert found_items["resource"] == "cr.azurecr.io/mlflow:1"
    assert drift([{"changed": True}])[0]["resource"] == "A resource"


def test_results_of_loops_are_separate_entries() -> None:
    results = [changed({}, {"id": APP}), {"changed": False}, changed({"id": DATABASE}, {})]
    assert [one["resource"] for one in drift([{"changed": True, "results": results}])] == [APP, DATABASE]


def test_two_results_about_one_resource_are_one_entry() -> None:
    before = {"id": APP, "tags": {"a": "x"}, "tls": False}
    results = [
        changed(before, {**before, "tags": {"a": "y"}}),
        changed(before, {**before, "id": APP.upper(), "tls": True}),
    ]
    results[1]["diff"]["before"] = {**before, "id": APP.upper()}
    (found_items,) = drift([*results, results[0]])
    assert [one["path"] for one in found_items["differences"]] == ["tags.a", "tls"]
    assert len(found_items["lines"]) == 2
    assert len(drift([{"changed": True}, {"changed": True}])) == 2
