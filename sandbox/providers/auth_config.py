# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.App/containerApps/authConfigs: the built-in authentication of container apps.

Source: recorded responses of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
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
    """The configuration of the built-in authentication of a container app."""

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
        secrets = app.private.get("secrets", {}) if app is not None else {}
        for name in _secret_names(call.body.get("properties") or {}):
            if name not in secrets:
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
        """Return the response to a PUT: it has encryptionSettings only where the request has them."""
        return super().show(resource)

    def show(self, resource: Resource) -> Json:
        content = super().show(resource)
        content["properties"].setdefault("encryptionSettings", {})
        return content


def _secret_names(value: Any) -> Iterator[str]:
    """Yield the names of the secrets that a configuration references."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in _SECRET_SETTINGS and isinstance(member, str) and member:
                yield member
            else:
                yield from _secret_names(member)
    elif isinstance(value, list):
        for item in value:
            yield from _secret_names(item)
