# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Registry: what is in each registry, and its data plane (<registry>.azurecr.io). Builds by ACR Tasks are in builds.py.

Sources: https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, the OCI distribution specification, and
https://learn.microsoft.com/rest/api/containerregistry/.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import shutil
import time
import uuid
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import jwt

from sandbox.arm.resource_type import Context, Json, utc_now
from sandbox.entra.directory import Directory
from sandbox.entra.rbac import is_allowed
from sandbox.host.home import read_json, write_private
from sandbox.messages import Request, Response, json_response
from sandbox.store import Resource

REGISTRIES = "microsoft.containerregistry/registries"
RUNS = "microsoft.containerregistry/registries/runs"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
PULL = "Microsoft.ContainerRegistry/registries/pull/read"
PUSH = "Microsoft.ContainerRegistry/registries/push/write"
DELETE = "Microsoft.ContainerRegistry/registries/artifacts/delete"
# the name with which a registry takes a refresh token for a password
TOKEN_USER = "00000000-0000-0000-0000-000000000000"
ADMIN = "admin"
TOKEN_SECONDS = 10_800
UPLOAD_SECONDS = 3_600
MANIFEST_BYTES = 4_194_304
DIGEST = r"sha256:[0-9a-f]{64}"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_REPOSITORY = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
# Paths that name a repository, which becomes a folder's name, and what is asked of it. A repository may be called `a/tags/b`.
_V2 = re.compile(rf"/v2/({_REPOSITORY})/(manifests|tags|referrers|blobs)/(uploads/?[^/]*|[^/]+)")
_ACR = re.compile(rf"/acr/v1/({_REPOSITORY})(?:/_(manifests|tags)(?:/([^/]+))?)?")
_CATALOG = ("/acr/v1/_catalog", "/v2/_catalog")
# what a caller must be allowed to do on the registry for an action of a token's scope
_NEEDED = {"pull": PULL, "push": PUSH, "metadata_read": PULL, "metadata_write": PUSH, "delete": DELETE}
_PAGE = 100
_CHUNK = 1 << 20


class Images:
    """The content of the registries, on disk: blobs by digest; and for each repository its manifests and its tags.

    No part of a repository's name begins with `_`, so that `a/_tags` is never the repository `a/tags`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def blob(self, digest: str) -> Path:
        """The file that holds what has a digest."""
        return self.folder / "blobs" / _file_name(digest)

    def _repositories(self, registry: str) -> Path:
        return self.folder / "repositories" / registry.lower()

    def _tags(self, registry: str, repository: str) -> Path:
        return self._repositories(registry) / repository / "_tags"

    def _manifests(self, registry: str, repository: str) -> Path:
        return self._repositories(registry) / repository / "_manifests"

    def _enter(self, registry: str, repository: str, reference: str, entry: Json) -> None:
        """Writes down a manifest, and what a tag stands for where the reference is one."""
        manifests, tags = self._manifests(registry, repository), self._tags(registry, repository)
        manifests.mkdir(parents=True, exist_ok=True)
        write_private(manifests / _file_name(entry["digest"]), json.dumps(entry))
        if not re.fullmatch(DIGEST, reference):
            tags.mkdir(exist_ok=True)
            write_private(tags / reference, json.dumps(entry))

    def add(self, registry: str, references: list[str], config: Json) -> str:
        """Stores an image under `repository:tag` references. Returns its manifest's digest."""
        return self.add_manifest(registry, references, json.dumps(config, sort_keys=True).encode(), [])

    def add_manifest(self, registry: str, references: list[str], config: bytes, layers: list[Json]) -> str:
        """Stores an image whose layers are there already (see `keep_layer`). Returns its manifest's digest."""
        about = self._store(config)
        described = {"mediaType": CONFIG_TYPE, "size": about[1], "digest": about[0]}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": described, "layers": layers}
        digest, _size = self._store(json.dumps(manifest, sort_keys=True).encode())
        for reference in references:
            repository, _mark, tag = reference.partition(":")
            self._enter(registry, repository, tag or "latest", {"digest": digest, "time": utc_now()})
        return digest

    def _store(self, content: bytes) -> tuple[str, int]:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        path = self.blob(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, content.decode())
        return digest, len(content)

    def keep_layer(self, content: IO[bytes]) -> Json:
        """Stores a layer. Returns what a manifest says of it: {mediaType, size, digest}."""
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        partial = self.folder / "blobs" / f"{uuid.uuid4().hex}.partial"
        hashed, size, kind = hashlib.sha256(), 0, LAYER_TYPE
        try:
            with partial.open("wb") as stream:
                while chunk := content.read(_CHUNK):
                    kind = f"{LAYER_TYPE}.gzip" if size == 0 and chunk[:2] == b"\x1f\x8b" else kind
                    hashed.update(chunk)
                    stream.write(chunk)
                    size += len(chunk)
            digest = f"sha256:{hashed.hexdigest()}"
            partial.replace(self.blob(digest))
        finally:
            partial.unlink(missing_ok=True)
        return {"mediaType": kind, "size": size, "digest": digest}

    def find(self, registry: str, repository: str, reference: str) -> Json | None:
        """What a tag or a digest of a repository stands for: {digest, time}."""
        path = self._entry(registry, repository, reference)
        return None if path is None else read_json(path)

    def _entry(self, registry: str, repository: str, reference: str) -> Path | None:
        """Where a tag or a manifest is written down; None where the reference can be neither."""
        if not re.fullmatch(_REPOSITORY, repository):
            return None
        if re.fullmatch(DIGEST, reference):
            return self._manifests(registry, repository) / _file_name(reference)
        return self._tags(registry, repository) / reference if re.fullmatch(_TAG, reference) else None

    def content(self, digest: str) -> bytes | None:
        path = self.blob(digest)
        return path.read_bytes() if path.exists() else None

    def image(self, registry: str, repository: str, reference: str) -> tuple[str, Json, Json] | None:
        """An image's digest, its manifest and its configuration; None where there is none."""
        found = self.find(registry, repository, reference)
        content = self.content(found["digest"]) if found else None
        if found is None or content is None:
            return None
        manifest = json.loads(content)
        if "manifests" in manifest:  # one for each platform, of which Container Apps has one
            for entry in manifest["manifests"]:
                platform = entry.get("platform") or {}
                if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
                    return self.image(registry, repository, entry["digest"])
            return None
        about = self.content(manifest["config"]["digest"])
        return (found["digest"], manifest, json.loads(about)) if about else None

    def forget(self, registry: str) -> None:
        """Removes all repositories of a registry that is being deleted."""
        shutil.rmtree(self._repositories(registry), ignore_errors=True)
        shutil.rmtree(self.folder / "pushed" / registry.lower(), ignore_errors=True)

    # what clients push

    def _pushed(self, registry: str, digest: str) -> Path:
        """The mark of a blob that was pushed to a registry; its content is kept once for all of them."""
        return self.folder / "pushed" / registry.lower() / _file_name(digest)

    def holds(self, registry: str, digest: str) -> bool:
        """Whether a registry has a blob: pushed to it, or part of an image that was built in it."""
        if not re.fullmatch(DIGEST, digest) or not self.blob(digest).exists():
            return False
        return self._pushed(registry, digest).exists() or digest in self._built(registry)

    def _built(self, registry: str) -> set[str]:
        found = set()
        for path in self._repositories(registry).rglob("_manifests/sha256-*"):
            content = self.content(path.name.replace("-", ":", 1))
            found |= {digest for group in manifest_parts(json.loads(content or b"{}")) or () for digest in group}
        return found

    def stored_bytes(self, registry: str) -> int:
        """How much a registry holds: what is pushed to it and what its images are made of, each blob once."""
        pushed = {
            path.name.replace("-", ":", 1) for path in (self.folder / "pushed" / registry.lower()).glob("sha256-*")
        }
        blobs = [self.blob(digest) for digest in pushed | self._built(registry)]
        return sum(blob.stat().st_size for blob in blobs if blob.exists())

    def take(self, registry: str, upload: Path, digest: str) -> None:
        """Makes a blob of a registry of a file that is complete."""
        mark = self._pushed(registry, digest)
        mark.parent.mkdir(parents=True, exist_ok=True)
        self.blob(digest).parent.mkdir(parents=True, exist_ok=True)
        upload.replace(self.blob(digest))
        mark.touch()

    def put_manifest(self, registry: str, repository: str, reference: str, content: bytes, kind: str) -> None:
        """Stores a manifest, and lets a tag stand for it where the reference is one."""
        digest, _size = self._store(content)
        self._enter(registry, repository, reference, {"digest": digest, "time": utc_now(), "kind": kind})

    def repositories(self, registry: str) -> list[str]:
        base = self._repositories(registry)
        return sorted({str(path.parent.parent.relative_to(base)) for path in base.rglob("_manifests/sha256-*")})

    def tags(self, registry: str, repository: str) -> list[str]:
        return sorted(path.name for path in self._tags(registry, repository).glob("*") if re.fullmatch(_TAG, path.name))

    def manifests(self, registry: str, repository: str) -> list[str]:
        """The digests of a repository's manifests, by age."""
        files = self._manifests(registry, repository).glob("sha256-*")
        return [path.name.replace("-", ":", 1) for path in sorted(files, key=lambda path: path.stat().st_mtime)]

    def referrers(self, registry: str, repository: str, digest: str) -> list[Json]:
        """The descriptors of the manifests whose subject is the one with a digest."""
        found = []
        for one in self.manifests(registry, repository):
            content = self.content(one) or b"{}"
            manifest = json.loads(content)
            if (manifest.get("subject") or {}).get("digest") == digest:
                config = manifest.get("config") or {}
                entry = self.find(registry, repository, one) or {}
                about = {"mediaType": entry.get("kind", MANIFEST_TYPE), "size": len(content), "digest": one}
                about["artifactType"] = manifest.get("artifactType") or config.get("mediaType")
                found.append(about | {k: v for k, v in manifest.items() if k == "annotations"})
        return found

    def tags_of(self, registry: str, repository: str, digest: str) -> list[str]:
        """The tags that stand for a manifest."""
        return [
            tag
            for tag in self.tags(registry, repository)
            if (self.find(registry, repository, tag) or {}).get("digest") == digest
        ]

    def remove(self, registry: str, repository: str, reference: str) -> bool:
        """Removes a tag, or a manifest with all its tags."""
        path = self._entry(registry, repository, reference)
        if path is None or not path.exists():
            return False
        if re.fullmatch(DIGEST, reference):
            for tag in self.tags_of(registry, repository, reference):
                (self._tags(registry, repository) / tag).unlink()
        path.unlink()
        return True


class RegistryEndpoint:
    """https://<registry>.azurecr.io: tokens by Entra exchange, and the distribution API for what builds made."""

    def __init__(self, context: Context, images: Images) -> None:
        self._context = context
        self._images = images

    @property
    def _directory(self) -> Directory:
        return self._context.directory

    def handle(self, registry: Resource, request: Request) -> Response:
        path = request.path
        if path == "/oauth2/exchange" and request.method == "POST":
            return self._exchange(registry, request.form())
        if path == "/oauth2/token" and request.method in ("GET", "POST"):
            return self._token(registry, request)
        access = self._access(registry, request)
        if access is None:
            return self._challenge(registry, request)
        if path in ("/v2", "/v2/"):
            return json_response(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"})
        return self._serve(registry, request, access)

    # tokens

    def login(self, registry: Resource, username: str, password: str) -> str | None:
        """Who logs in with a name and a password, as Docker does: the object id, or the registry's own admin user. None where nobody does."""
        if username == TOKEN_USER:
            claims = self._read(registry, password, "refresh")
            return None if claims is None else str(claims["sub"])
        admin = registry.properties["adminUserEnabled"] and username.lower() == registry.name.lower()
        if admin and password in (registry.private["password"], registry.private["password2"]):
            return ADMIN
        principal = self._context.store.principal(username)
        known = (
            principal is not None
            and principal.secret
            and secrets.compare_digest(principal.secret.encode(), password.encode())
        )
        return principal.object_id if principal is not None and known else None

    def may(self, registry: Resource, who: str, action: str) -> bool:
        """Whether who has logged in may `pull` or `push`."""
        return who == ADMIN or self._may(registry, who, action)

    def _exchange(self, registry: Resource, form: dict[str, str]) -> Response:
        caller = self._directory.read(f"Bearer {form.get('access_token', '')}")
        if caller is None:
            return _unauthorized()
        return json_response(200, {"refresh_token": self._sign(registry, caller.object_id, "refresh", [])})

    def _token(self, registry: Resource, request: Request) -> Response:
        """A token for the scopes asked for, as far as they are granted: by refresh token, or by name and password as Docker asks."""
        form = request.form() if request.method == "POST" else {}
        if form.get("grant_type") == "refresh_token":
            claims = self._read(registry, form.get("refresh_token", ""), "refresh")
            who = None if claims is None else str(claims["sub"])
        elif form.get("grant_type") == "password":
            who = self.login(registry, form.get("username", ""), form.get("password", ""))
        else:
            who = self.login(registry, *_basic(request.headers.get("authorization", "")))
        if who is None:
            return _unauthorized()
        asked = form.get("scope", "").split() if form else request.queries("scope")
        granted = []
        for scope in asked:
            kind, _mark, rest = scope.partition(":")
            name, _mark, actions = rest.rpartition(":")
            wanted = actions.split(",")
            if "*" in wanted and kind == "repository":
                wanted = list(_NEEDED)
            allowed = [action for action in wanted if self.may(registry, who, action)]
            granted.append({"type": kind, "name": name, "actions": allowed})
        return json_response(200, {"access_token": self._sign(registry, who, "access", granted)})

    def _may(self, registry: Resource, principal: str, action: str) -> bool:
        return is_allowed(self._context.store, principal, _NEEDED.get(action, PULL), registry.id)

    def _sign(self, registry: Resource, principal: str, use: str, access: list[Json]) -> str:
        now = int(time.time())
        claims = {
            "iss": "Azure Container Registry",
            "aud": registry.properties["loginServer"],
            "sub": principal,
            "use": use,
            "access": access,
        }
        return jwt.encode(
            {**claims, "iat": now, "nbf": now, "exp": now + TOKEN_SECONDS, "jti": str(uuid.uuid4())},
            self._directory.key,
            "RS256",
        )

    def _read(self, registry: Resource, token: str, use: str) -> dict[str, Any] | None:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._directory.key.public_key(), ["RS256"], audience=registry.properties["loginServer"]
            )
        except jwt.InvalidTokenError:
            return None
        return claims if claims.get("use") == use else None

    def _access(self, registry: Resource, request: Request) -> dict[str, Any] | None:
        scheme, _mark, token = request.headers.get("authorization", "").partition(" ")
        return self._read(registry, token, "access") if scheme.lower() == "bearer" else None

    def _challenge(self, registry: Resource, request: Request) -> Response:
        server = registry.properties["loginServer"]
        scope = _scope(request)
        asked = f',scope="{scope}"' if scope else ""
        refusal = _unauthorized(scope)
        lacking = ',error="insufficient_scope"' if "authorization" in request.headers and scope else ""
        realm = f'Bearer realm="https://{server}/oauth2/token",service="{server}"{asked}{lacking}'
        refusal.headers["Www-Authenticate"] = realm
        return refusal

    # content

    def _serve(self, registry: Resource, request: Request, claims: dict[str, Any]) -> Response:
        if not _grants(claims, _scope(request)):
            return self._challenge(registry, request)
        if request.path in _CATALOG:
            shown, headers = _paged(self._images.repositories(registry.name), request)
            return json_response(200, {"repositories": shown}, headers)
        if (found := _V2.fullmatch(request.path)) is not None:
            return self._distribution(registry, request, *found.groups())
        if (found := _ACR.fullmatch(request.path)) is not None:
            return self._acr(registry, request, *found.groups())
        return _refuse(400, "NAME_INVALID", "invalid repository name")

    def _distribution(self, registry: Resource, request: Request, repository: str, kind: str, what: str) -> Response:
        """The distribution API, but for blobs (layers.py)."""
        if (kind, what, request.method) == ("tags", "list", "GET"):
            return self._tag_list(registry, request, repository)
        if kind == "manifests":
            return self._manifest(registry, request, repository, what)
        if (kind, request.method) == ("referrers", "GET"):
            return self._referrers(registry, request, repository, what)
        return _unsupported()

    def _acr(
        self, registry: Resource, request: Request, repository: str, kind: str | None, what: str | None
    ) -> Response:
        """Azure's own API."""
        if kind is None:
            return self._repository(registry, request, repository)
        if (kind, request.method) == ("tags", "GET"):
            return self._tag(registry, repository, what)
        if (kind, request.method) == ("tags", "DELETE") and what:
            gone = self._images.remove(registry.name, repository, what)
            return Response(202) if gone else _refuse(404, "TAG_UNKNOWN", "the specified tag does not exist")
        if (kind, request.method) == ("manifests", "GET"):
            return self._manifest_properties(registry, repository, what)
        return _unsupported()

    def refuse(self, registry: Resource, request: Request) -> Response | None:
        """Azure's refusal of a request for a blob, judged by its headers; None where it may pass."""
        claims = self._access(registry, request)
        return None if claims is not None and _grants(claims, _scope(request)) else self._challenge(registry, request)

    def _tag_list(self, registry: Resource, request: Request, repository: str) -> Response:
        tags = self._images.tags(registry.name, repository)
        if not tags and not self._images.manifests(registry.name, repository):
            return _refuse(404, "NAME_UNKNOWN", "repository name not known to registry")
        shown, headers = _paged(tags, request)
        return json_response(200, {"name": repository, "tags": shown}, headers)

    def _referrers(self, registry: Resource, request: Request, repository: str, digest: str) -> Response:
        """What refers to a manifest; https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers."""
        if not re.fullmatch(DIGEST, digest):
            return _refuse(400, "DIGEST_INVALID", "invalid digest")
        found = self._images.referrers(registry.name, repository, digest)
        headers = {"Content-Type": INDEX_TYPE}
        if (kind := request.query.get("artifacttype")) is not None:
            found = [one for one in found if one["artifactType"] == kind]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": found}
        return Response(200, json.dumps(index).encode(), headers)

    def _put_manifest(self, registry: Resource, request: Request, repository: str, reference: str) -> Response:
        """Takes a manifest whose parts are all here; https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests."""
        if not re.fullmatch(rf"{DIGEST}|{_TAG}", reference):
            return _refuse(400, "TAG_INVALID", "manifest tag did not match URI")
        if len(request.body) > MANIFEST_BYTES:
            return _refuse(413, "SIZE_INVALID", f"manifests may have {MANIFEST_BYTES} bytes at most")
        manifest = request.json()
        parts = manifest_parts(manifest)
        if manifest.get("schemaVersion") != 2 or parts is None:
            return _refuse(400, "MANIFEST_INVALID", "manifest invalid")
        digest = "sha256:" + hashlib.sha256(request.body).hexdigest()
        if reference.startswith("sha256:") and reference != digest:
            return _refuse(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        blobs, manifests = parts
        missing = [one for one in blobs if not self._images.holds(registry.name, one)]
        missing += [one for one in manifests if self._images.find(registry.name, repository, one) is None]
        if missing:
            return _refuse(404, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {missing[0]}")
        kind = request.headers.get("content-type") or manifest.get("mediaType") or MANIFEST_TYPE
        self._images.put_manifest(registry.name, repository, reference, request.body, kind)
        headers = {"Location": f"/v2/{repository}/manifests/{digest}", "Docker-Content-Digest": digest}
        subject = (manifest.get("subject") or {}).get("digest")
        return Response(201, b"", headers | ({"OCI-Subject": str(subject)} if subject else {}))

    def _manifest(self, registry: Resource, request: Request, repository: str, reference: str) -> Response:
        if request.method == "PUT":
            return self._put_manifest(registry, request, repository, reference)
        if request.method not in ("GET", "HEAD", "DELETE"):
            return _unsupported()
        found = self._images.find(registry.name, repository, reference)
        if found is None:
            return _refuse(404, "MANIFEST_UNKNOWN", f'manifest tagged by "{reference}" is not found')
        if request.method == "DELETE":
            self._images.remove(registry.name, repository, reference)
            return Response(202)
        content = self._images.content(found["digest"]) or b""
        headers = {
            "Content-Type": found.get("kind", MANIFEST_TYPE),
            "Docker-Content-Digest": found["digest"],
            "Docker-Distribution-Api-Version": "registry/2.0",
            "ETag": f'"{found["digest"]}"',
        }
        if request.method == "HEAD":
            return Response(200, b"", {**headers, "Content-Length": str(len(content))})
        return Response(200, content, headers)

    def _tag(self, registry: Resource, repository: str, tag: str | None) -> Response:
        names = self._images.tags(registry.name, repository) if tag is None else [tag]
        shown = [
            {"name": name, **_times(found), "signed": False}
            for name in names
            if (found := self._images.find(registry.name, repository, name))
        ]
        about = {"registry": registry.properties["loginServer"], "imageName": repository}
        if tag is None and shown:
            return json_response(200, {**about, "tags": shown})
        if not shown:
            return _refuse(
                404,
                "TAG_UNKNOWN" if tag else "NAME_UNKNOWN",
                "the specified tag does not exist" if tag else "repository name not known to registry",
            )
        return json_response(200, {**about, "tag": shown[0]})

    def _manifest_properties(self, registry: Resource, repository: str, reference: str | None) -> Response:
        """The properties of one manifest, or of all of a repository."""
        digests = self._images.manifests(registry.name, repository) if reference is None else [reference]
        found = [one for digest in digests if (one := self._images.find(registry.name, repository, digest))]
        if not found:
            code = "MANIFEST_UNKNOWN" if reference else "NAME_UNKNOWN"
            return _refuse(404, code, "manifest unknown" if reference else "repository name not known to registry")
        shown = [
            {
                **_times(one),
                **self._about(one),
                "tags": self._images.tags_of(registry.name, repository, one["digest"]),
            }
            for one in found
        ]
        about = {"registry": registry.properties["loginServer"], "imageName": repository}
        return json_response(
            200, {**about, "manifests": shown} if reference is None else {**about, "manifest": shown[0]}
        )

    def _about(self, found: Json) -> Json:
        """What a manifest says of itself, in Azure's words; an index has neither an architecture nor a configuration."""
        manifest = json.loads(self._images.content(found["digest"]) or b"{}")
        kind = found.get("kind", MANIFEST_TYPE)
        if "manifests" in manifest:
            return {"imageSize": sum(one.get("size", 0) for one in manifest["manifests"]), "mediaType": kind}
        config = manifest.get("config") or {}
        shown = {"imageSize": sum(one.get("size", 0) for one in (config, *manifest.get("layers", ())))}
        if config.get("mediaType") in (CONFIG_TYPE, OCI_CONFIG_TYPE):
            about = json.loads(self._images.content(str(config["digest"])) or b"{}")
            shown |= {"architecture": about.get("architecture", "amd64"), "os": about.get("os", "linux")}
        return {**shown, "mediaType": kind, "configMediaType": config.get("mediaType")}

    def _repository(self, registry: Resource, request: Request, repository: str) -> Response:
        """A repository's properties, or its end."""
        digests = self._images.manifests(registry.name, repository)
        found = [one for digest in digests if (one := self._images.find(registry.name, repository, digest))]
        if not found:
            return _refuse(404, "NAME_UNKNOWN", "repository name not known to registry")
        tags = self._images.tags(registry.name, repository)
        if request.method == "DELETE":
            for digest in digests:
                self._images.remove(registry.name, repository, digest)
            return json_response(202, {"manifestsDeleted": digests, "tagsDeleted": tags})
        if request.method != "GET":
            return _unsupported()
        times = sorted(one["time"] for one in found)
        shown = {
            "registry": registry.properties["loginServer"],
            "imageName": repository,
            "createdTime": times[0],
            "lastUpdateTime": times[-1],
            "manifestCount": len(digests),
            "tagCount": len(tags),
            "changeableAttributes": {**_ATTRIBUTES, "teleportEnabled": False},
        }
        return json_response(200, shown)


_ATTRIBUTES = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}


def _times(found: Json) -> Json:
    return {
        "digest": found["digest"],
        "createdTime": found["time"],
        "lastUpdateTime": found["time"],
        "changeableAttributes": _ATTRIBUTES,
    }


def _scope(request: Request) -> str:
    """The scope of a token that a request needs."""
    if request.path in _CATALOG:
        return "registry:catalog:*"
    if (found := _V2.fullmatch(request.path)) is not None:
        pushes = found[3].startswith("uploads") or request.method in ("PUT", "POST", "PATCH")
        return f"repository:{found[1]}:{'pull,push' if pushes else 'delete' if request.method == 'DELETE' else 'pull'}"
    if (found := _ACR.fullmatch(request.path)) is not None:
        verb = {"GET": "metadata_read", "DELETE": "delete"}.get(request.method, "metadata_write")
        return f"repository:{found[1]}:{verb}"
    return ""


def _grants(claims: dict[str, Any], scope: str) -> bool:
    """Whether a token was given for a scope."""
    kind, _mark, rest = scope.partition(":")
    name, _mark, actions = rest.rpartition(":")
    mine = [item["actions"] for item in claims["access"] if (item["type"], item["name"]) == (kind, name)]
    return set(actions.split(",")) <= {action for granted in mine for action in granted} if scope else True


def _basic(authorization: str) -> tuple[str, str]:
    """The name and the password of an Authorization header; empty where there are none."""
    scheme, _mark, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _mark, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def _paged(names: list[str], request: Request) -> tuple[list[str], dict[str, str]]:
    """The names after `last`, `n` of them at most, and where the next ones are."""
    asked = request.query.get("n", "")
    count = int(asked) if asked.isdecimal() and int(asked) > 0 else _PAGE
    left = [name for name in names if name > request.query.get("last", "")]
    if len(left) <= count:
        return left, {}
    query = urlencode({"last": left[count - 1], "n": count})
    return left[:count], {"Link": f'<{request.path}?{query}>; rel="next"'}


def manifest_parts(manifest: Json) -> tuple[list[str], list[str]] | None:
    """The digests of the (blobs, manifests) that a manifest or an index refers to; None where it is neither."""
    try:
        if "manifests" in manifest:
            return [], [str(one["digest"]) for one in manifest["manifests"]]
        # layers with addresses of their own are elsewhere
        layers = [str(one["digest"]) for one in manifest["layers"] if not one.get("urls")]
        return [str(manifest["config"]["digest"]), *layers], []
    except (KeyError, TypeError, AttributeError):
        return None


def _unauthorized(scope: str = "") -> Response:
    refusal: Json = {
        "code": "UNAUTHORIZED",
        "message": "authentication required, visit https://aka.ms/acr/authorization for more information.",
    }
    kind, _mark, rest = scope.partition(":")
    name, _mark, actions = rest.rpartition(":")
    if scope:
        refusal["detail"] = [{"Type": kind, "Name": name, "Action": action} for action in actions.split(",")]
    return json_response(401, {"errors": [refusal]})


def _refuse(status: int, code: str, message: str) -> Response:
    return json_response(status, {"errors": [{"code": code, "message": message}]})


def _unsupported() -> Response:
    return _refuse(405, "UNSUPPORTED", "The operation is unsupported.")


def is_reference(name: str) -> bool:
    """Whether a name is one of an image in a registry: repository, or repository:tag."""
    return re.fullmatch(rf"{_REPOSITORY}(?::{_TAG})?", name) is not None


def repository_and_reference(name: str) -> tuple[str, str]:
    """A repository, and the tag or digest in it, of an image's name without the server. Where it has both, the digest decides."""
    name, _mark, digest = name.partition("@")
    repository, _mark, tag = name.partition(":")
    return repository, digest or tag or "latest"


def _file_name(digest: str) -> str:
    """A digest as the name of a file."""
    return digest.replace(":", "-")
