# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data plane of a container registry: which digest a tag has, removal, and a token for pushing."""

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
# User name with which a registry takes a token for a password.
TOKEN_USER = "00000000-0000-0000-0000-000000000000"


def platform_tag(tag: str, platform: str) -> str:
    """The tag of one platform's image, where `tag` stands for those of several. platform: os/architecture[/variant]."""
    return f"{tag}-{platform.replace('/', '-')}"


def _platform(described: Mapping[str, Any]) -> str:
    return "/".join(str(described[part]) for part in ("os", "architecture", "variant") if described.get(part))


class ImageRegistry:
    """One registry. login_server: its host name."""

    def __init__(self, arm: Arm, login_server: str) -> None:
        self._arm = arm
        self.login_server = login_server
        self._opened: Any = None

    def digest(self, repository: str, tag: str) -> str | None:
        """Digest of what the tag points at; None when there is no such tag. Raises ArmError and Failure."""
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

        try:
            return str(self._client().get_tag_properties(repository, tag).digest)
        except ResourceNotFoundError:
            return None
        except HttpResponseError as error:
            raise self._refused(error) from error
        except AzureError as error:
            raise Failure(f"No usable answer from registry {self.login_server}: {error}") from error

    def delete(self, repository: str, tag: str, digest: str) -> None:
        """Remove the manifest that `tag` points at, and with it all its tags. Of an index, the tags of its platforms go first.

        What those pointed at stays without a tag: another index may have it too.
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
            raise self._refused(error) from error
        # ValueError: the SDK finds another digest than the registry.
        except (AzureError, ValueError) as error:
            raise Failure(f"No usable answer from registry {self.login_server}: {error}") from error

    def join(self, repository: str, tag: str, tags: Mapping[str, str]) -> None:
        """Let `tag` point at the images of several platforms. tags: platform (os/architecture) to the tag of its image."""
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            manifests = [self._entry(repository, one, platform) for platform, one in tags.items()]
            oci = all(entry["mediaType"] == _OCI_MANIFEST for entry in manifests)
            kind = _OCI_INDEX if oci else _DOCKER_LIST
            content = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": manifests}).encode()
            self._client().set_manifest(repository, io.BytesIO(content), tag=tag, media_type=kind)
        except HttpResponseError as error:
            raise self._refused(error) from error
        # ValueError: the SDK finds another digest than the registry.
        except (AzureError, ValueError) as error:
            raise Failure(f"No usable answer from registry {self.login_server}: {error}") from error

    def _entry(self, repository: str, tag: str, platform: str) -> dict[str, Any]:
        """How an index refers to the image of one platform."""
        sizes: list[int] = []

        def see(response: Any) -> None:
            sizes.append(int(response.http_response.headers["Content-Length"]))

        found = self._client().get_manifest(repository, tag, raw_response_hook=see)
        system, architecture, *variant = platform.split("/")
        where = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        return {"mediaType": found.media_type, "digest": found.digest, "size": sizes[-1], "platform": where}

    def refresh_token(self) -> str:
        """A registry token in exchange for the Entra one; it serves as the password of TOKEN_USER."""
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
        if self._opened is None:
            from azure.containerregistry import ContainerRegistryClient

            options = {} if self._arm.transport is None else {"transport": self._arm.transport}
            self._opened = ContainerRegistryClient(
                f"https://{self.login_server}",
                self._arm.credential,
                audience=self._arm.connection.cloud.registry_scope.removesuffix("/.default"),
                retry_total=3,
                connection_timeout=CONNECTION_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                **options,
            )
        return self._opened

    def _refused(self, error: Any) -> ArmError:
        response = error.response
        if response is None:
            return ArmError(code="RegistryError", message=str(error))
        text = response.text()
        try:
            first = json.loads(text)["errors"][0]
            text = json.dumps({"code": first.get("code"), "message": first.get("message")})
        except (ValueError, KeyError, IndexError, TypeError):
            pass
        found = arm_error(response.status_code, text, response.headers, response.request.method, response.request.url)
        if found.status in (401, 403):
            found.message += (
                f" Registry {self.login_server} refuses the identity that runs this task: to build it needs the role "
                "Contributor or AcrPush, to read AcrPull."
            )
        return found
