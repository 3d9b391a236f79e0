# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image pulls of apps and jobs: authorization, and the image in its registry."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.apps.containers import Container, Unavailable
from sandbox.entra.identity_endpoint import identities
from sandbox.entra.rbac import is_allowed
from sandbox.messages import Json
from sandbox.registry.content import REGISTRIES, Images
from sandbox.registry.paths import repository_and_reference
from sandbox.registry.tokens import PULL
from sandbox.services.secret_references import SecretUnavailable, secret_values
from sandbox.store import Resource, Store


@dataclass(frozen=True)
class PulledImage:
    """Pulled image. `name`: server and repository; `digest`: of the manifest."""

    name: str
    digest: str
    manifest: Json
    config: Json


def readable_secrets(store: Store, owner: Resource) -> dict[str, str]:
    """Return the secrets of an app or a job, with Key Vault references resolved. Raise Unavailable."""
    try:
        return secret_values(store, owner)
    except SecretUnavailable as error:
        raise Unavailable(str(error)) from error


def pull(store: Store, images: Images, owner: Resource, container: Container, values: dict[str, str]) -> PulledImage:
    """Return the image of a container, if its app or job may pull it. `values`: secrets of the owner. Raise Unavailable."""
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
    image = images.image(registry.name, repository, reference)
    if image is None:
        details = f'GET https:: MANIFEST_UNKNOWN: manifest tagged by "{reference}" is not found'
        raise Unavailable(image_error(container, details))
    return PulledImage(f"{server}/{repository}", *image)


def _may_pull(store: Store, owner: Resource, registry: Resource, values: dict[str, str]) -> bool:
    for entry in owner.properties["configuration"].get("registries") or []:
        if entry["server"].lower() != registry.properties["loginServer"]:
            continue
        if entry.get("identity"):
            identity_id = str(entry["identity"]).lower()
            pullers = [identity for identity in identities(store, owner) if identity.id.lower() == identity_id]
            if any(is_allowed(store, puller.object_id, PULL, registry.id) for puller in pullers):
                return True
        password = values.get(entry.get("passwordSecretRef") or "")
        admin = registry.properties["adminUserEnabled"] and entry.get("username") == registry.name
        if password and admin and password in (registry.private["password"], registry.private["password2"]):
            return True
    return False


def image_error(container: Container, details: str) -> str:
    """Return Azure's error message for an image that cannot be pulled."""
    field_name, image = f"template.containers.{container.name}.image", container.spec["image"]
    return f"The following field(s) are either invalid or missing. Field '{field_name}' is invalid with details: 'Invalid value: \"{image}\": {details}';."
