# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Number of replicas for a load, and destination of a host name: pure decisions, without a running app."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.apps.scaling import Demand, Scale, next_count, required_replicas
from sandbox.apps.traffic import resolve, shares
from sandbox.store import Resource

DOMAIN = "blue-1.westeurope.azurecontainerapps.io"
HTTP = {"name": "http", "http": {"metadata": {"concurrentRequests": "2"}}}
CPU = {"name": "cpu", "custom": {"type": "cpu", "metadata": {"value": "50"}}}


@pytest.mark.parametrize(
    ("scale", "ingress", "expected"),
    [
        (None, True, Scale(0, 10, 10, 300)),
        ({}, True, Scale(0, 10, 10, 300)),
        ({"minReplicas": 2, "maxReplicas": 3, "cooldownPeriod": 5, "rules": [HTTP]}, True, Scale(2, 3, 2, 5)),
        ({"minReplicas": 0, "rules": [CPU]}, True, Scale(1, 10, None, 300)),
        ({"rules": [CPU, HTTP]}, True, Scale(0, 10, 2, 300)),
        ({"minReplicas": 20}, True, Scale(20, 20, 10, 300)),
        ({"minReplicas": None, "maxReplicas": None}, False, Scale(0, 10, None, 300)),
        ({"rules": [{"name": "h", "http": {}}]}, True, Scale(0, 10, 10, 300)),
    ],
)
def test_the_scale_of_a_template(scale: Any, ingress: bool, expected: Scale) -> None:
    assert Scale.of({"scale": scale}, ingress=ingress) == expected


@pytest.mark.parametrize(("load", "count"), [(0, 1), (1, 1), (2, 1), (2.1, 2), (6, 3), (10, 5), (10.5, 5), (1000, 5)])
def test_replicas_for_a_load_are_within_the_limits(load: float, count: int) -> None:
    assert required_replicas(Scale(1, 5, 2, 300), load) == count


@pytest.mark.parametrize(
    ("running", "load", "calm", "count"),
    [
        (0, 0, 9999, 0),  # no request
        (0, 1, 0, 1),  # one first,
        (0, 100, 0, 1),
        (1, 100, 0, 4),  # then up to four,
        (4, 100, 0, 8),  # then double,
        (8, 100, 0, 10),  # up to the limit
        (8, 6, 299, 8),  # scale in only after the cooldown
        (8, 6, 300, 3),
        (1, 0, 299, 1),
        (1, 0, 300, 0),
        (3, 6, 9999, 3),  # as many as required
        (12, 6, 0, 10),  # never more than the limit
    ],
)
def test_steps_up_and_down(running: int, load: float, calm: float, count: int) -> None:
    assert next_count(Scale(0, 10, 2, 300), running, load, calm) == count


def test_a_minimum_is_kept_at_once() -> None:
    assert next_count(Scale(6, 10, 2, 300), 0, 0, 0) == 6
    assert next_count(Scale(2, 10, 2, 0), 5, 0, 1) == 2


def app(mode: str = "Multiple", name: str = "app", **ingress: Any) -> Resource:
    settings = {"fqdn": f"{name}.{DOMAIN}", **ingress}
    properties = {
        "latestReadyRevisionName": f"{name}--two",
        "configuration": {"activeRevisionsMode": mode, "ingress": settings},
    }
    return Resource(f"/x/{name}", "microsoft.app/containerapps", name, {"properties": properties})


SPLIT = [
    {"latestRevision": True, "weight": 70},
    {"revisionName": "app--one", "weight": 30, "label": "Stable"},
    {"revisionName": "app--zero", "weight": 0, "label": "old"},
    {"latestRevision": True, "weight": 0, "label": "next"},
]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (f"app.{DOMAIN}", {"app--two": 70, "app--one": 30}),
        (f"APP.{DOMAIN.upper()}", {"app--two": 70, "app--one": 30}),
        (f"app---stable.{DOMAIN}", {"app--one": 100}),
        (f"app---old.{DOMAIN}", {"app--zero": 100}),
        (f"app---next.{DOMAIN}", {"app--two": 100}),
        (f"app---none.{DOMAIN}", {}),
        (f"app--zero.{DOMAIN}", {"app--zero": 100}),
    ],
)
def test_the_destination_of_a_host_name(host: str, expected: dict[str, int]) -> None:
    destination = resolve(host, [app(name="other"), app(traffic=SPLIT)])
    assert destination is not None
    assert (destination.app.name, shares(destination)) == ("app", expected)


@pytest.mark.parametrize("host", ["", "app", f"ap.{DOMAIN}", f"app-x.{DOMAIN}", f"app.x{DOMAIN}", f"x.app.{DOMAIN}"])
def test_host_names_without_an_app(host: str) -> None:
    assert resolve(host, [app()]) is None


def test_an_app_without_ingress_has_no_host_name() -> None:
    hidden = app()
    hidden.properties["configuration"]["ingress"] = None
    assert resolve(f"app.{DOMAIN}", [hidden]) is None


def test_single_mode_routes_to_the_latest_ready_revision() -> None:
    single = app("Single", traffic=[{"revisionName": "app--one", "weight": 100}])
    destination = resolve(f"app.{DOMAIN}", [single])
    assert destination is not None
    assert shares(destination) == {"app--two": 100}
    single.properties["latestReadyRevisionName"] = None
    assert shares(destination) == {}


def test_the_load_of_the_last_seconds() -> None:
    demand = Demand()
    assert demand.load(100, 10) == 0
    demand.requests = {"a": 100, "b": 101}
    assert demand.load(102, 10) == 1  # 0, then 2
    assert demand.load(111, 10) == 2  # the first sample is out of the window
    demand.requests.pop("a")
    assert demand.load(130, 10) == 1
    # a request that exceeds the time limit has ended, even if nothing reported its end
    assert demand.load(101 + 240, 10) == 0
