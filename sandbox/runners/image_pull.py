# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an app or a job may pull the image of a container, and what the registry holds of it."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.apps.containers import Container, Unavailable
from sandbox.arm.resource_type import Json
from sandbox.entra.identity_endpoint import identities
from sandbox.entra.rbac import is_allowed
from sandbox.registry.content import PULL, REGISTRIES, Images, repository_and_reference
from sandbox.services.key_vault import SecretUnavailable, secret_values
from sandbox.store import Resource, Store


@dataclass(frozen=True)
class Pulled:
    """An image that may be pulled. `name`: server and repository; `digest`: the manifest's; `config`: what it says of itself."""

    name: str
    digest: str
    manifest: Json
    config: Json


def readable_secrets(store: Store, owner: Resource) -> dict[str, str]:
    """The values of an app's or a job's secrets. Raises Unavailable."""
    try:
        return secret_values(store, owner)
    except SecretUnavailable as unavailable:
        raise Unavailable(str(unavailable)) from unavailable


def pull(store: Store, images: Images, owner: Resource, container: Container, values: dict[str, str]) -> Pulled:
    """A container's image, where its app or job may pull it. `values`: of the owner's secrets. Raises Unavailable."""
    server, _mark, rest = str(container.spec["image"]).partition("/")
    repository, reference = repository_and_reference(rest)
    registry = store.named(REGISTRIES, server.removesuffix(".azurecr.io"))
    if not server.endswith(".azurecr.io") or registry is None:
        raise Unavailable(image_error(container, f"GET https://{server}/v2/: dial tcp: lookup {server}: no such host"))
    if not _may_pull(store, owner, registry, values):
        scope = f"repository%3A{repository.replace('/', '%2F')}%3Apull"
        raise Unavailable(
            image_error(
                container,
                f"GET https:?scope={scope}&service={registry.properties['loginServer']}: UNAUTHORIZED: authentication required, "
                "visit https://aka.ms/acr/authorization for more information.",
            )
        )
    found = images.image(registry.name, repository, reference)
    if found is None:
        details = f'GET https:: MANIFEST_UNKNOWN: manifest tagged by "{reference}" is not found'
        raise Unavailable(image_error(container, details))
    return Pulled(f"{server}/{repository}", *found)


def _may_pull(store: Store, owner: Resource, registry: Resource, values: dict[str, str]) -> bool:
    for entry in owner.properties["configuration"].get("registries") or []:
        if entry["server"].lower() != registry.properties["loginServer"]:
            continue
        if entry.get("identity"):
            wanted = str(entry["identity"]).lower()
            pullers = [found for found in identities(store, owner) if found.id.lower() == wanted]
            if any(is_allowed(store, found.object_id, PULL, registry.id) for found in pullers):
                return True
        password = values.get(entry.get("passwordSecretRef") or "")
        admin = registry.properties["adminUserEnabled"] and entry.get("username") == registry.name
        if password and admin and password in (registry.private["password"], registry.private["password2"]):
            return True
    return False


def image_error(container: Container, details: str) -> str:
    """Azure's words for an image that cannot be had."""
    field_name, image = f"template.containers.{container.name}.image", container.spec["image"]
    return f"The following field(s) are either invalid or missing. Field '{field_name}' is invalid with details: 'Invalid value: \"{image}\": {details}';."
