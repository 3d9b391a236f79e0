# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that container apps and jobs share: containers, secrets, registries, and their validation.

Source: recorded responses of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
"""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import urlsplit

from sandbox.arm.bodies import assigned_identities, without_nulls
from sandbox.arm.errors import ArmError
from sandbox.arm.locations import REGIONS, region
from sandbox.arm.resource_type import Call
from sandbox.messages import Json
from sandbox.providers.template_rules import SECRET_NAME, check_template_names
from sandbox.services.secret_references import SecretUnavailable, referenced_value
from sandbox.services.vault_secrets import SUFFIX
from sandbox.store import Resource, Store


def event_stream_url(call: Call, resource: str) -> str:
    """Return the URL of the event stream of a resource."""
    target = call.target
    group = f"/subscriptions/{target.subscription}/resourceGroups/{target.resource_group}"
    return f"https://{region(call.body['location'])}.azurecontainerapps.dev{group}/{resource}/eventstream"


def display_name(location: str) -> str:
    """Return the display name of a location: `West Europe` for `westeurope`."""
    return REGIONS[region(location)]


def check_environment(store: Store, properties: Json) -> None:
    """Raise ArmError for an environment that does not exist or is not provisioned."""
    environment_id = properties.get("environmentId") or properties.get("managedEnvironmentId")
    environment = store.get(str(environment_id)) if environment_id else None
    if environment is None:
        raise ArmError(404, "ManagedEnvironmentNotFound", f"Environment {environment_id} was not found.", cause="")
    if environment.state != "Succeeded" and environment.state != "Updating":
        raise ArmError(
            400,
            "ManagedEnvironmentNotProvisioned",
            f"The environment '{environment_id}' has not been provisioned successfully.",
            cause="",
        )


def secret_names(properties: Json) -> set[str]:
    """Return the names of the secrets in the configuration of an app or a job."""
    return {item["name"] for item in (properties.get("configuration") or {}).get("secrets") or []}


def check_configuration(store: Store, call: Call, existing: Resource | None) -> None:
    """Raise ArmError for secrets with an invalid name or without a value, unreadable references to Key Vault, and registries whose password is no secret."""
    properties = call.body.get("properties") or {}
    configuration = properties.get("configuration") or {}
    listed = configuration.get("secrets") or []
    for item in listed:
        if not SECRET_NAME.accepts(item["name"]):
            raise SECRET_NAME.error(item["name"])
    invalid = [
        item["name"]
        for item in listed
        if not item.get("value") and not (item.get("keyVaultUrl") and item.get("identity"))
    ]
    if invalid:
        raise ArmError(
            400,
            "ContainerAppSecretInvalid",
            f"Invalid Request: Container app secret(s) with name(s) '{', '.join(invalid)}' are invalid: "
            "value or keyVaultUrl and identity should be provided.",
            cause="",
        )
    for entry in configuration.get("registries") or []:
        if entry.get("passwordSecretRef") and entry["passwordSecretRef"] not in secret_names(properties):
            raise ArmError(
                400,
                "ContainerAppRegistriesPasswordSecretRefNotFound",
                f"PasswordSecretRef '{entry['passwordSecretRef']}' defined for registry server '{entry.get('server')}' not found.",
                cause="",
            )
    references = [item for item in listed if item.get("keyVaultUrl")]
    if references:
        current = (existing.body.get("identity") or {}) if existing else {}
        assigned = assigned_identities(store, call.body.get("identity"), lower_group=True) or {}
        for item in references:
            _check_reference(store, item, {"principalId": current.get("principalId"), **assigned})


def _check_reference(store: Store, secret: Json, identity: Json) -> None:
    address = urlsplit(str(secret["keyVaultUrl"]))
    segments = [segment for segment in address.path.split("/") if segment]
    host = address.hostname or ""
    if (
        address.scheme != "https"
        or not host.endswith(SUFFIX)
        or segments[:1] != ["secrets"]
        or len(segments) not in (2, 3)
    ):
        raise ArmError(
            400,
            "ContainerAppSecretKeyVaultUrlInvalid",
            f"Invalid Request: KeyVaultUrl '{secret['keyVaultUrl']}' of container app secret '{secret['name']}' is invalid. "
            f"It should be like https://<vault>{SUFFIX}/secrets/<secret>[/<version>].",
            cause="",
        )
    try:
        referenced_value(store, secret["name"], secret, identity)
    except SecretUnavailable as error:
        raise ArmError(400, "InvalidParameterValueInContainerTemplate", str(error), cause="") from error


def check_template(properties: Json, secret_names: set[str]) -> None:
    """Raise ArmError for a template with invalid names or without containers, a container without an image, unknown secrets, and unpaired CPU and memory."""
    containers = (properties.get("template") or {}).get("containers") or []
    if not containers:
        raise ArmError(
            400,
            "ContainerAppContainersRequired",
            "The container app's template must have at least one container.",
            cause="",
        )
    check_template_names(properties["template"])
    for container in containers:
        if not container.get("image"):
            raise ArmError(
                400,
                "ContainerAppImageRequired",
                f"Container with name '{container.get('name')}' must have an 'Image' property specified.",
                cause="",
            )
        for item in container.get("env") or []:
            if item.get("secretRef") and item["secretRef"] not in secret_names:
                raise ArmError(
                    400,
                    "ContainerAppSecretRefNotFound",
                    f"SecretRef '{item['secretRef']}' defined for container '{container.get('name')}' not found.",
                    cause="",
                )

    if (properties.get("workloadProfileName") or "Consumption") == "Consumption":
        _check_resources([container.get("resources") or {} for container in containers])


def _check_resources(requested: list[Json]) -> None:
    """Raise ArmError where CPU and memory do not match: the Consumption plan has 2 Gi for each CPU, in steps of 0.25 CPU."""
    cpu = sum(float(resources.get("cpu") or 0.5) for resources in requested)
    memory = sum(_gibibytes(resources.get("memory")) for resources in requested)
    if cpu * 4 != int(cpu * 4) or not 0.25 <= cpu <= 4 or memory != cpu * 2:
        pairs = ", ".join(f"{step / 4:g}vCPU-{step / 2:g}Gi" for step in range(1, 17))
        raise ArmError(
            400,
            "ContainerAppInvalidResourceTotal",
            f"The total requested CPU and memory resources for this application (CPU: {cpu:g}, memory: {memory:g}) is invalid. "
            f"Total CPU and memory for all containers defined in a Container App must add up to one of the following CPU - Memory combinations: {pairs}",
            cause="",
        )


def _gibibytes(memory: Any) -> float:
    return float(str(memory or "1Gi").removesuffix("Gi") or 0)


def stored_secrets(configuration: Json) -> Json:
    """Return the private data of the secrets of a configuration: their values, and their references to Key Vault."""
    listed = configuration.get("secrets") or []
    return {
        "secrets": {item["name"]: item.get("value") or "" for item in listed},
        "references": {
            item["name"]: {key: item[key] for key in ("keyVaultUrl", "identity")}
            for item in listed
            if item.get("keyVaultUrl")
        },
    }


def public_secrets(private: Json) -> list[Json] | None:
    """Return the secrets without values, as GET returns them."""
    return [{"name": name, **private["references"].get(name, {})} for name in private["secrets"]] or None


def secrets_with_values(resource: Resource) -> list[Json]:
    """Return the secrets with their values or their references to Key Vault."""
    references = resource.private.get("references", {})
    return [
        {"name": name, **references[name]} if name in references else {"name": name, "value": value}
        for name, value in resource.private.get("secrets", {}).items()
    ]


def volumes(template: Json) -> list[Json] | None:
    """Return the volumes of a template without nulls."""
    return [
        {key: value for key, value in volume.items() if value is not None} for volume in template.get("volumes") or []
    ] or None


def _ephemeral_storage(cpu: float) -> str:
    return "1Gi" if cpu <= 0.25 else "2Gi" if cpu <= 0.5 else "4Gi" if cpu <= 1 else "8Gi"


def container(spec: Json) -> Json:
    """Return a container as Azure returns it."""
    resources = spec.get("resources") or {}
    cpu = float(resources.get("cpu") or 0.5)
    memory = _gibibytes(resources.get("memory"))
    content: Json = {
        "image": spec["image"],
        "imageType": "ContainerImage",
        "name": spec.get("name"),
        **{name: spec[name] for name in ("command", "args") if spec.get(name)},
    }
    if env := spec.get("env"):
        content["env"] = [
            {
                "name": item["name"],
                **({"secretRef": item["secretRef"]} if item.get("secretRef") else {"value": item.get("value") or ""}),
            }
            for item in env
        ]
    content["resources"] = {
        "cpu": int(cpu) if cpu == int(cpu) else cpu,
        "memory": f"{memory:g}Gi",
        "ephemeralStorage": _ephemeral_storage(cpu),
    }
    for name in ("probes", "volumeMounts"):
        if spec.get(name):
            content[name] = without_nulls(copy.deepcopy(spec[name]))
    return content


def dapr(requested: Json | None) -> Json | None:
    """Return the Dapr settings with those that Azure adds."""
    return (
        None
        if not requested
        else {**requested, **{name: requested.get(name) for name in ("appHealth", "maxConcurrency")}}
    )


def response_registries(content: list[Json] | None) -> list[Json] | None:
    """Return registries as the response to a write contains them: without empty values."""
    return None if content is None else [{name: value for name, value in entry.items() if value} for entry in content]


def set_response_defaults(content: Json, requested: Json) -> None:
    """Change the containers of a final template to those of the response to a write, which omits resources that are not requested."""
    for kind in ("containers", "initContainers"):
        for container, spec in zip(content[kind] or [], requested.get(kind) or [], strict=True):
            container["imageType"] = spec.get("imageType") or "CloudBuild"
            if not spec.get("resources"):
                container.pop("resources")
            elif not container["resources"]["ephemeralStorage"]:
                container["resources"]["ephemeralStorage"] = _ephemeral_storage(container["resources"]["cpu"])


def registry(entry: Json) -> Json:
    """Return a registry entry with all four members."""
    identity = str(entry.get("identity") or "")
    return {
        "server": entry.get("server"),
        "username": entry.get("username") or "",
        "passwordSecretRef": entry.get("passwordSecretRef") or "",
        "identity": identity.replace("/resourceGroups/", "/resourcegroups/"),
    }
