# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.App/containerApps/authConfigs: what a container app's built-in authentication asks of its visitors.

What Azure fills in was read from recorded answers of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from sandbox.arm.bodies import without_nulls
from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import Call, NameRule, ResourceType
from sandbox.arm.target import Target
from sandbox.messages import Json
from sandbox.store import Resource

_SECRET_SETTINGS = ("clientSecretSettingName", "appSecretSettingName", "consumerSecretSettingName", "sasUrlSettingName")


class AuthConfig(ResourceType):
    type = "Microsoft.App/containerapps/authconfigs"
    id_type = "Microsoft.App/containerApps/authConfigs"
    created_status = 200
    shows_state = False
    name_rule = NameRule(
        "current", "AuthConfigInvalidName", "Invalid AuthConfig name '{name}'. The name must be 'current'."
    )

    def not_found(self, target: Target) -> ArmError:
        message = f"AuthConfig {target.name} was not found under container app {target.names[0]}."
        return ArmError(404, "AuthConfigNotFound", message, cause="")

    def check(self, call: Call, existing: Resource | None) -> None:
        app = self.store.get(self.resource_id(call.target).rpartition("/authConfigs/")[0])
        current = app.private.get("secrets", {}) if app is not None else {}
        for name in _secret_names(call.body.get("properties") or {}):
            if name not in current:
                raise ArmError(
                    400,
                    "AuthConfigSecretRefNotFound",
                    f"Secret with name '{name}' is not found in configuration of container app '{call.target.names[0]}'.",
                    cause="",
                )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        properties: Json = without_nulls(copy.deepcopy(call.body.get("properties") or {}))
        if "login" in properties:
            properties["login"].setdefault("preserveUrlFragmentsForLogins", False)
        entra = (properties.get("identityProviders") or {}).get("azureActiveDirectory")
        if entra is not None:
            entra.setdefault("isAutoProvisioned", False)
            policy = (entra.get("validation") or {}).get("defaultAuthorizationPolicy")
            if policy is not None:
                policy.setdefault("allowedApplications", [])
        return {"properties": properties}, {}

    def write_response(self, resource: Resource) -> Json:
        """The answer to a PUT shows encryptionSettings only where they were sent."""
        return super().show(resource)

    def show(self, resource: Resource) -> Json:
        shown = super().show(resource)
        shown["properties"].setdefault("encryptionSettings", {})
        return shown


def _secret_names(value: Any) -> Iterator[str]:
    """The names of the app's secrets that a configuration refers to."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name in _SECRET_SETTINGS and isinstance(one, str) and one:
                yield one
            else:
                yield from _secret_names(one)
    elif isinstance(value, list):
        for one in value:
            yield from _secret_names(one)
