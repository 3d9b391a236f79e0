# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data plane of Container Registry, https://<registry>.azurecr.io: the distribution API and Azure's own API.

The transfer of blobs is in blobs.py, builds by ACR Tasks are in builds.py.
Sources: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md and
https://learn.microsoft.com/rest/api/containerregistry/.
"""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlencode

from sandbox.messages import Json, Request, Response, json_response
from sandbox.registry.content import (
    CONFIG_TYPE,
    INDEX_TYPE,
    MANIFEST_TYPE,
    OCI_CONFIG_TYPE,
    REGISTRIES,
    Images,
    manifest_parts,
)
from sandbox.registry.paths import Target, is_digest, is_tag, parse_path
from sandbox.registry.tokens import RegistryTokens, grants
from sandbox.store import Resource, Store

SUFFIX = ".azurecr.io"
MANIFEST_BYTES = 4_194_304
_PAGE = 100
_ATTRIBUTES = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}


class RegistryEndpoint:
    """Data plane of all registries."""

    def __init__(self, store: Store, images: Images, tokens: RegistryTokens) -> None:
        self._store = store
        self._images = images
        self._tokens = tokens

    def find(self, host: str) -> Resource | None:
        """Return the registry of a host name."""
        return self._store.named(REGISTRIES, host.removesuffix(SUFFIX)) if host.endswith(SUFFIX) else None

    def matches(self, host: str) -> bool:
        """Return whether a host name is that of a registry."""
        return self.find(host) is not None

    def handle(self, request: Request) -> Response:
        """Respond to a request."""
        registry = self.find(request.host)
        if registry is None:
            return _error(404, "NAME_UNKNOWN", "registry not known")
        match (request.method, request.path):
            case ("POST", "/oauth2/exchange"):
                return self._tokens.exchange(registry, request.form())
            case ("GET" | "POST", "/oauth2/token"):
                return self._tokens.issue(registry, request)
        target = parse_path(request.path)
        denied = self.authorize(registry, request, target)
        if denied is not None:
            return denied
        return self._route(registry, request, target)

    def authorize(self, registry: Resource, request: Request, target: Target | None) -> Response | None:
        """Return the challenge to a request that lacks a token of the required scope; None for an authorized request."""
        scope = _required_scope(request.method, target)
        claims = self._tokens.read(registry, request)
        if claims is None or not grants(claims, scope):
            return self._tokens.challenge(registry, request, scope)
        return None

    def _route(self, registry: Resource, request: Request, target: Target | None) -> Response:
        if target is None:
            return _error(400, "NAME_INVALID", "invalid repository name")
        repository, reference = target.repository, target.reference
        match (request.method, target.kind):
            case (_, "version"):
                return json_response(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"})
            case (_, "catalog"):
                names, headers = _page(self._images.repositories(registry.name), request)
                return json_response(200, {"repositories": names}, headers)
            case ("GET", "tags") if reference == "list":
                return self._list_tags(registry, request, repository)
            case ("GET" | "HEAD", "manifests"):
                return self._get_manifest(registry, request, repository, reference)
            case ("PUT", "manifests"):
                return self._put_manifest(registry, request, repository, reference)
            case ("DELETE", "manifests"):
                deleted = self._images.remove(registry.name, repository, reference)
                return Response(202) if deleted else _manifest_unknown(reference)
            case ("GET", "referrers"):
                return self._list_referrers(registry, request, repository, reference)
            case ("GET", "acr"):
                return self._get_repository(registry, repository)
            case ("DELETE", "acr"):
                return self._delete_repository(registry, repository)
            case ("GET", "acr/tags"):
                return self._get_tags(registry, repository, reference)
            case ("DELETE", "acr/tags") if reference:
                deleted = self._images.remove(registry.name, repository, reference)
                return Response(202) if deleted else _tag_unknown()
            case ("GET", "acr/manifests"):
                return self._get_manifest_properties(registry, repository, reference)
        return _error(405, "UNSUPPORTED", "The operation is unsupported.")

    # distribution API

    def _list_tags(self, registry: Resource, request: Request, repository: str) -> Response:
        tags = self._images.tags(registry.name, repository)
        if not tags and not self._images.manifests(registry.name, repository):
            return _repository_unknown()
        names, headers = _page(tags, request)
        return json_response(200, {"name": repository, "tags": names}, headers)

    def _list_referrers(self, registry: Resource, request: Request, repository: str, digest: str) -> Response:
        """Return the index of the manifests that refer to one; https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers."""
        if not is_digest(digest):
            return _error(400, "DIGEST_INVALID", "invalid digest")
        manifests = self._images.referrers(registry.name, repository, digest)
        headers = {"Content-Type": INDEX_TYPE}
        if (artifact_type := request.query.get("artifacttype")) is not None:
            manifests = [manifest for manifest in manifests if manifest["artifactType"] == artifact_type]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
        return Response(200, json.dumps(index).encode(), headers)

    def _put_manifest(self, registry: Resource, request: Request, repository: str, reference: str) -> Response:
        """Store a manifest whose parts exist; https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests."""
        if not is_digest(reference) and not is_tag(reference):
            return _error(400, "TAG_INVALID", "manifest tag did not match URI")
        if len(request.body) > MANIFEST_BYTES:
            return _error(413, "SIZE_INVALID", f"manifests may have {MANIFEST_BYTES} bytes at most")
        manifest = request.json()
        parts = manifest_parts(manifest)
        if manifest.get("schemaVersion") != 2 or parts is None:
            return _error(400, "MANIFEST_INVALID", "manifest invalid")
        digest = "sha256:" + hashlib.sha256(request.body).hexdigest()
        if reference.startswith("sha256:") and reference != digest:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        blobs, manifests = parts
        missing = [blob for blob in blobs if not self._images.has_blob(registry.name, blob)]
        missing += [part for part in manifests if self._images.find(registry.name, repository, part) is None]
        if missing:
            return _error(404, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {missing[0]}")
        media_type = request.headers.get("content-type") or manifest.get("mediaType") or MANIFEST_TYPE
        self._images.put_manifest(registry.name, repository, reference, request.body, media_type)
        headers = {"Location": f"/v2/{repository}/manifests/{digest}", "Docker-Content-Digest": digest}
        subject = (manifest.get("subject") or {}).get("digest")
        return Response(201, b"", headers | ({"OCI-Subject": str(subject)} if subject else {}))

    def _get_manifest(self, registry: Resource, request: Request, repository: str, reference: str) -> Response:
        record = self._images.find(registry.name, repository, reference)
        if record is None:
            return _manifest_unknown(reference)
        content = self._images.content(record["digest"]) or b""
        headers = {
            "Content-Type": record.get("kind", MANIFEST_TYPE),
            "Docker-Content-Digest": record["digest"],
            "Docker-Distribution-Api-Version": "registry/2.0",
            "ETag": f'"{record["digest"]}"',
        }
        if request.method == "HEAD":
            return Response(200, b"", {**headers, "Content-Length": str(len(content))})
        return Response(200, content, headers)

    # Azure's own API

    def _get_tags(self, registry: Resource, repository: str, tag: str) -> Response:
        """Return the properties of one tag, or of all tags of a repository."""
        names = [tag] if tag else self._images.tags(registry.name, repository)
        tags = [
            {"name": name, **_attributes(record), "signed": False}
            for name in names
            if (record := self._images.find(registry.name, repository, name))
        ]
        if not tags:
            return _tag_unknown() if tag else _repository_unknown()
        image = {"registry": registry.properties["loginServer"], "imageName": repository}
        return json_response(200, {**image, "tag": tags[0]} if tag else {**image, "tags": tags})

    def _get_manifest_properties(self, registry: Resource, repository: str, digest: str) -> Response:
        """Return the properties of one manifest, or of all manifests of a repository."""
        records = self._records(registry, repository, [digest] if digest else None)
        if not records:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown") if digest else _repository_unknown()
        manifests = [
            {
                **_attributes(record),
                **self._describe(record),
                "tags": self._images.tags_of(registry.name, repository, record["digest"]),
            }
            for record in records
        ]
        image = {"registry": registry.properties["loginServer"], "imageName": repository}
        return json_response(200, {**image, "manifest": manifests[0]} if digest else {**image, "manifests": manifests})

    def _records(self, registry: Resource, repository: str, digests: list[str] | None = None) -> list[Json]:
        """Return the records of some manifests of a repository, or of all."""
        if digests is None:
            digests = self._images.manifests(registry.name, repository)
        return [record for digest in digests if (record := self._images.find(registry.name, repository, digest))]

    def _describe(self, record: Json) -> Json:
        """Return the size and the types of a manifest; an index has neither an architecture nor a configuration."""
        manifest = json.loads(self._images.content(record["digest"]) or b"{}")
        media_type = record.get("kind", MANIFEST_TYPE)
        if "manifests" in manifest:
            return {"imageSize": sum(part.get("size", 0) for part in manifest["manifests"]), "mediaType": media_type}
        descriptor = manifest.get("config") or {}
        properties = {"imageSize": sum(part.get("size", 0) for part in (descriptor, *manifest.get("layers", ())))}
        if descriptor.get("mediaType") in (CONFIG_TYPE, OCI_CONFIG_TYPE):
            config = json.loads(self._images.content(str(descriptor["digest"])) or b"{}")
            properties |= {"architecture": config.get("architecture", "amd64"), "os": config.get("os", "linux")}
        return {**properties, "mediaType": media_type, "configMediaType": descriptor.get("mediaType")}

    def _get_repository(self, registry: Resource, repository: str) -> Response:
        records = self._records(registry, repository)
        if not records:
            return _repository_unknown()
        times = sorted(record["time"] for record in records)
        properties = {
            "registry": registry.properties["loginServer"],
            "imageName": repository,
            "createdTime": times[0],
            "lastUpdateTime": times[-1],
            "manifestCount": len(self._images.manifests(registry.name, repository)),
            "tagCount": len(self._images.tags(registry.name, repository)),
            "changeableAttributes": {**_ATTRIBUTES, "teleportEnabled": False},
        }
        return json_response(200, properties)

    def _delete_repository(self, registry: Resource, repository: str) -> Response:
        digests, tags = (
            self._images.manifests(registry.name, repository),
            self._images.tags(registry.name, repository),
        )
        if not digests:
            return _repository_unknown()
        for digest in digests:
            self._images.remove(registry.name, repository, digest)
        return json_response(202, {"manifestsDeleted": digests, "tagsDeleted": tags})


def _required_scope(method: str, target: Target | None) -> str:
    """Return the token scope that a request requires; empty where any token will do."""
    if target is None or target.kind == "version":
        return ""
    match (method, target.kind):
        case (_, "catalog"):
            return "registry:catalog:*"
        case ("GET", "acr" | "acr/tags" | "acr/manifests"):
            actions = "metadata_read"
        case ("DELETE", "acr" | "acr/tags" | "acr/manifests"):
            actions = "delete"
        case (_, "acr" | "acr/tags" | "acr/manifests"):
            actions = "metadata_write"
        case (_, "uploads") | ("PUT" | "POST" | "PATCH", _):
            actions = "pull,push"
        case ("DELETE", _):
            actions = "delete"
        case _:
            actions = "pull"
    return f"repository:{target.repository}:{actions}"


def _attributes(record: Json) -> Json:
    return {
        "digest": record["digest"],
        "createdTime": record["time"],
        "lastUpdateTime": record["time"],
        "changeableAttributes": _ATTRIBUTES,
    }


def _page(names: list[str], request: Request) -> tuple[list[str], dict[str, str]]:
    """Return the `n` names after `last`, and the Link header of the next page."""
    size = request.query.get("n", "")
    count = int(size) if size.isdecimal() and int(size) > 0 else _PAGE
    rest = [name for name in names if name > request.query.get("last", "")]
    if len(rest) <= count:
        return rest, {}
    query = urlencode({"last": rest[count - 1], "n": count})
    return rest[:count], {"Link": f'<{request.path}?{query}>; rel="next"'}


def _error(status: int, code: str, message: str) -> Response:
    return json_response(status, {"errors": [{"code": code, "message": message}]})


def _manifest_unknown(reference: str) -> Response:
    return _error(404, "MANIFEST_UNKNOWN", f'manifest tagged by "{reference}" is not found')


def _tag_unknown() -> Response:
    return _error(404, "TAG_UNKNOWN", "the specified tag does not exist")


def _repository_unknown() -> Response:
    return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
