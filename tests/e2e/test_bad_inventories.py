# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More than a hundred inventories with one invalid setting each: site.yml refuses each of them by option, and writes nothing.

Most of them are generated from the argument specifications of the roles, so that new options are covered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.bad_settings import BAD, GOOD, ROLES
from tests.support.site_copy import PROJECT, Site

# Values that do not have the type.
WRONG: dict[str, list[Any]] = {
    "bool": ["perhaps"],
    "dict": ["red"],
    "float": ["much"],
    "int": ["many"],
    "list": [{"a": "b"}],
}
# Invalid settings that only Azure, or the deployment as a whole, can detect.
AS_A_WHOLE: list[tuple[dict[str, Any], list[str]]] = [
    ({"deployment_location": "atlantis"}, ["foundation_location", "'atlantis'", "westeurope"]),
    ({"sql_location": "atlantis"}, ["sql_location", "'atlantis'", "Microsoft.Sql/servers"]),
    ({"deployment_suffix": "UPPER_case"}, ["sql_server_name"]),
    ({"deployment_suffix": "far-too-long-for-an-account"}, ["storage_account_name", "3 to 24"]),
    ({"registry_name": "crtaken0123"}, ["registry_name", "'crtaken0123' is not available", "another name"]),
]


# Facts of other roles, which are unknown before the run.
COMPUTED = (
    "mlflow_app_artifacts_destination",
    "mlflow_app_backend_store_uri",
    "mlflow_app_environment_id",
    "mlflow_app_identity_client_id",
    "mlflow_app_identity_id",
    "mlflow_app_image",
    "mlflow_app_registry_server",
)


def options() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the options of all roles, without those that the plays of site.yml set themselves: an inventory cannot set these."""
    plays = yaml.safe_load((PROJECT / "playbooks" / "site.yml").read_text(encoding="utf-8"))
    set_by_site = {name for play in plays for name in play.get("vars", {})}
    for role in ROLES:
        text = (PROJECT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
        for name, option in yaml.safe_load(text)["argument_specs"]["main"]["options"].items():
            if name not in set_by_site:
                yield name, option


def generated() -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Yield wrong types, values that are no choice, items with an unknown key, and missing values."""
    for name, option in options():
        for value in WRONG.get(option["type"], []):
            yield {name: value}, [name]
        if "choices" in option:
            yield {name: "nonsense"}, [name, "nonsense"]
        if option["type"] == "list" and "options" in option:
            yield {name: [{"nonsense": "x"}]}, [name]
        if option.get("required") and not option.get("no_log") and name not in COMPUTED:
            yield {name: None}, [name]


def refused_by_site(
    site: Site, folder: Path, cases: list[tuple[dict[str, Any], list[str]]], *arguments: str
) -> tuple[dict[int, str], list[tuple[dict[str, Any], str]]]:
    """Run site.yml for all cases. Return the failure of each case, and each expected part that a failure does not have."""
    environment = site.sandbox_environment()
    hosts = {
        f"case-{number}": {
            **GOOD,
            "deployment_subscription_id": environment["AZURE_SUBSCRIPTION_ID"],
            "mlflow_app_output_directory": str(folder / "out"),
            **given,
        }
        for number, (given, _wanted) in enumerate(cases)
    }
    inventory = folder / "hosts.yml"
    inventory.write_text(json.dumps({"mlflow": {"hosts": hosts}}), encoding="utf-8")
    play = site.ansible_playbook(
        *("-i", "inventories/dev", "-i", inventory, "--limit", "case-*", "playbooks/site.yml", *arguments),
        **environment,
    )
    assert play.code == 2, play.output[-4000:]
    assert not [result for result in play.results if result.role]
    found_items = {result.host: result.message for result in play.results if result.status == "failed"}
    refused = {number: found_items[f"case-{number}"] for number in range(len(cases)) if f"case-{number}" in found_items}
    unnamed = [
        (given, part)
        for number, (given, wanted) in enumerate(cases)
        for part in wanted
        if part not in refused.get(number, part)
    ]
    return refused, unnamed


def wrong_settings() -> list[tuple[dict[str, Any], list[str]]]:
    """Return more than a hundred cases. tests/unit/roles/test_preflight.py tests all cases of BAD role by role."""
    return [*generated(), *BAD[::2]]


@pytest.mark.slow
def test_a_hundred_invalid_inventories_are_refused_by_option_without_a_write(
    site: Site, tmp_path: Path, report_count: Callable[[str], None]
) -> None:
    cases = wrong_settings()
    assert len(cases) >= 100
    site.sandbox("up")
    before = site.writes()
    refused, unnamed = refused_by_site(site, tmp_path, cases, "--skip-tags", "preflight_azure")
    assert [given for number, (given, _wanted) in enumerate(cases) if number not in refused] == []
    assert unnamed == []
    assert site.writes() == before
    assert not (tmp_path / "out").exists()
    report_count(f"bad inventories: {len(refused)} of {len(cases)} refused by name before the first write")


@pytest.mark.slow
def test_settings_that_only_azure_can_validate_are_refused_without_a_write(
    site: Site, tmp_path: Path, report_count: Callable[[str], None]
) -> None:
    site.sandbox("up")
    client = site.client()
    group = f"{client.subscription}/resourceGroups/rg-of-somebody"
    assert client.arm("PUT", group, {"location": "westeurope"}, version="2025-04-01").status_code in (200, 201)
    taken = f"{group}/providers/Microsoft.ContainerRegistry/registries/crtaken0123"
    made = client.arm("PUT", taken, {"location": "westeurope", "sku": {"name": "Basic"}}, version="2025-11-01")
    assert made.status_code in (200, 201), made.text
    registry = client.arm("GET", taken, version="2025-11-01").json()
    assert registry["properties"]["provisioningState"] == "Succeeded"
    before = site.writes()
    refused, unnamed = refused_by_site(site, tmp_path, AS_A_WHOLE)
    assert [given for number, (given, _wanted) in enumerate(AS_A_WHOLE) if number not in refused] == []
    assert unnamed == []
    assert site.writes() == before
    assert client.arm("DELETE", group, version="2025-04-01").status_code == 202
    # Other tests count what there is.
    assert client.arm("GET", group, version="2025-04-01").status_code == 404
    report_count(f"bad inventories that only Azure can tell: {len(refused)} of {len(AS_A_WHOLE)} refused by name")
