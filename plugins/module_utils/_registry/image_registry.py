# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data plane of a container registry: digests of tags, deletion, and a token to push with."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from .._core.arm import Arm
from .._core.errors import ArmError, Failure, arm_error
from .._core.retry import CONNECTION_TIMEOUT, READ_TIMEOUT

_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
# User name with which a registry accepts a token as the password.
TOKEN_USER = "00000000-0000-0000-0000-000000000000"


def platform_tag(tag: str, platform: str) -> str:
    """Return the tag of one platform's image, where `tag` is that of the index. platform: os/architecture[/variant]."""
    return f"{tag}-{platform.replace('/', '-')}"


def _platform(parts: Mapping[str, Any]) -> str:
    return "/".join(str(parts[part]) for part in ("os", "architecture", "variant") if parts.get(part))


class ImageRegistry:
    """The images of one registry. login_server: its host name."""

    def __init__(self, arm: Arm, login_server: str) -> None:
        self._arm = arm
        self.login_server = login_server
        self._cached_client: Any = None

    def digest(self, repository: str, tag: str) -> str | None:
        """Return the digest that the tag points at, None when there is no such tag. Raise ArmError and Failure."""
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

        try:
            return str(self._client().get_tag_properties(repository, tag).digest)
        except ResourceNotFoundError:
            return None
        except HttpResponseError as error:
            raise self._arm_error(error) from error
        except AzureError as error:
            raise Failure(f"No usable answer from registry {self.login_server}: {error}") from error

    def delete(self, repository: str, tag: str, digest: str) -> None:
        """Delete the manifest that `tag` points at with all its tags, after the tags of its platforms for an index.

        The manifests of the platforms stay without a tag: another index may refer to them.
        """
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            manifest = self._client().get_manifest(repository, digest).manifest
            for entry in manifest.get("manifests") or ():
                name = platform_tag(tag, _platform(entry.get("platform") or {}))
                if self.digest(repository, name) == entry["digest"]:
                    self._client().delete_tag(repository, name)
            self._client().delete_manifest(repository, digest)
        except HttpResponseError as error:
            raise self._arm_error(error) from error
        # ValueError: the SDK computes another digest than the registry.
        except (AzureError, ValueError) as error:
            raise Failure(f"No usable answer from registry {self.login_server}: {error}") from error

    def join(self, repository: str, tag: str, tags: Mapping[str, str]) -> None:
        """Create an index of the images of several platforms at `tag`. tags: platform (os/architecture) to the tag of its image."""
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            manifests = [self._entry(repository, one, platform) for platform, one in tags.items()]
            oci = all(entry["mediaType"] == _OCI_MANIFEST for entry in manifests)
            kind = _OCI_INDEX if oci else _DOCKER_LIST
            content = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": manifests}).encode()
            self._client().set_manifest(repository, io.BytesIO(content), tag=tag, media_type=kind)
        except HttpResponseError as error:
            raise self._arm_error(error) from error
        # ValueError: the SDK computes another digest than the registry.
        except (AzureError, ValueError) as error:
            raise Failure(f"No usable answer from registry {self.login_server}: {error}") from error

    def _entry(self, repository: str, tag: str, platform: str) -> dict[str, Any]:
        """Return the entry of an index for the image of one platform."""
        sizes: list[int] = []

        def keep_size(response: Any) -> None:
            sizes.append(int(response.http_response.headers["Content-Length"]))

        manifest = self._client().get_manifest(repository, tag, raw_response_hook=keep_size)
        system, architecture, *variant = platform.split("/")
        described = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        return {
            "mediaType": manifest.media_type,
            "digest": manifest.digest,
            "size": sizes[-1],
            "platform": described,
        }

    def refresh_token(self) -> str:
        """Exchange the Entra token for a registry token, and return it: the password of TOKEN_USER."""
        from azure.core import PipelineClient
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        token = self._arm.credential.get_token(self._arm.connection.cloud.registry_scope).token
        fields = {"grant_type": "access_token", "service": self.login_server, "access_token": token}
        options = {} if self._arm.transport is None else {"transport": self._arm.transport}
        with PipelineClient(
            f"https://{self.login_server}",
            retry_total=3,
            connection_timeout=CONNECTION_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            **options,
        ) as client:
            request = HttpRequest("POST", f"https://{self.login_server}/oauth2/exchange", data=fields)
            try:
                response = client.send_request(request)
            except AzureError as error:
                raise Failure(f"No usable answer from registry {self.login_server}: {error}") from error
        if response.status_code != 200:
            raise arm_error(response.status_code, response.text(), response.headers, "POST", str(request.url))
        return str(json.loads(response.text())["refresh_token"])

    def _client(self) -> Any:
        if self._cached_client is None:
            from azure.containerregistry import ContainerRegistryClient

            options = {} if self._arm.transport is None else {"transport": self._arm.transport}
            self._cached_client = ContainerRegistryClient(
                f"https://{self.login_server}",
                self._arm.credential,
                audience=self._arm.connection.cloud.registry_scope.removesuffix("/.default"),
                retry_total=3,
                connection_timeout=CONNECTION_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                **options,
            )
        return self._cached_client

    def _arm_error(self, error: Any) -> ArmError:
        response = error.response
        if response is None:
            return ArmError(code="RegistryError", message=str(error))
        text = response.text()
        try:
            first = json.loads(text)["errors"][0]
            text = json.dumps({"code": first.get("code"), "message": first.get("message")})
        except (ValueError, KeyError, IndexError, TypeError):
            pass
        result = arm_error(response.status_code, text, response.headers, response.request.method, response.request.url)
        if result.status in (401, 403):
            result.message += (
                f" Registry {self.login_server} refuses the identity that runs this task: to build it needs the role "
                "Contributor or AcrPush, to read AcrPull."
            )
        return result
