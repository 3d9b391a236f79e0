# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Registry: what is in each registry, its data plane (<registry>.azurecr.io), and the builds of ACR Tasks.

Sources: https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, the OCI distribution specification, and
https://learn.microsoft.com/rest/api/containerregistry/.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import secrets
import shutil
import sys
import time
import uuid
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import jwt

from sandbox.access import is_allowed
from sandbox.directory import Directory
from sandbox.home import PROJECT, Home, read_json, without_rustup, write_private
from sandbox.launch import launch
from sandbox.messages import Request, Response, json_response
from sandbox.processes import Processes
from sandbox.resource_types import Context, Json, utc_now
from sandbox.store import Resource

REGISTRIES = "microsoft.containerregistry/registries"
RUNS = "microsoft.containerregistry/registries/runs"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
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
_TAG = r"\w[\w.-]{0,127}"
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
# a path that names a repository, which becomes a folder's name
_NAMED = re.compile(r"/(?:v2|acr/v1)/(.+?)(?:/(?:manifests|tags|_tags|_manifests)(?:/[^/]*)?)?")
# what a caller must be allowed to do on the registry for an action of a token's scope
_NEEDED = {"pull": PULL, "push": PUSH, "metadata_read": PULL, "metadata_write": PUSH, "delete": DELETE}
_PAGE = 100
_CHUNK = 1 << 20


class Images:
    """The content of the registries, on disk: blobs by digest, and tags."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def blob(self, digest: str) -> Path:
        """The file that holds what has a digest."""
        return self.folder / "blobs" / digest.replace(":", "-")

    def _tags(self, registry: str, repository: str) -> Path:
        return self.folder / "tags" / registry.lower() / repository

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
            folder = self._tags(registry, repository)
            folder.mkdir(parents=True, exist_ok=True)
            write_private(
                folder / digest.replace(":", "-"), json.dumps({"digest": digest, "time": utc_now(), "manifest": True})
            )
            write_private(folder / (tag or "latest"), json.dumps({"digest": digest, "time": utc_now()}))
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
        if not re.fullmatch(r"[\w][\w.-]*(:[0-9a-f]{64})?", reference) or not _REPOSITORY.fullmatch(repository):
            return None
        found: Json | None = read_json(self._tags(registry, repository) / reference.replace(":", "-"))
        return found

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
        shutil.rmtree(self.folder / "tags" / registry.lower(), ignore_errors=True)
        shutil.rmtree(self.folder / "pushed" / registry.lower(), ignore_errors=True)

    # what clients push

    def _pushed(self, registry: str, digest: str) -> Path:
        """The mark of a blob that was pushed to a registry; its content is kept once for all of them."""
        return self.folder / "pushed" / registry.lower() / digest.replace(":", "-")

    def holds(self, registry: str, digest: str) -> bool:
        """Whether a registry has a blob: pushed to it, or part of an image that was built in it."""
        if not re.fullmatch(DIGEST, digest) or not self.blob(digest).exists():
            return False
        return self._pushed(registry, digest).exists() or digest in self._built(registry)

    def _built(self, registry: str) -> set[str]:
        found = set()
        for path in (self.folder / "tags" / registry.lower()).rglob("sha256-*"):
            content = self.content(path.name.replace("-", ":", 1))
            found |= {digest for group in manifest_parts(json.loads(content or b"{}")) or () for digest in group}
        return found

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
        folder = self._tags(registry, repository)
        folder.mkdir(parents=True, exist_ok=True)
        entry = {"digest": digest, "time": utc_now(), "kind": kind}
        write_private(folder / digest.replace(":", "-"), json.dumps({**entry, "manifest": True}))
        if reference != digest:
            write_private(folder / reference, json.dumps(entry))

    def repositories(self, registry: str) -> list[str]:
        base = self.folder / "tags" / registry.lower()
        return sorted({str(path.parent.relative_to(base)) for path in base.rglob("*") if path.is_file()})

    def tags(self, registry: str, repository: str) -> list[str]:
        files = self._tags(registry, repository).glob("*")
        return sorted(path.name for path in files if not path.name.startswith(("sha256-", ".")))

    def manifests(self, registry: str, repository: str) -> list[str]:
        """The digests of a repository's manifests, by age."""
        if ".." in repository:
            return []
        files = self._tags(registry, repository).glob("sha256-*")
        return [path.name.replace("-", ":", 1) for path in sorted(files, key=lambda path: path.stat().st_mtime)]

    def tags_of(self, registry: str, repository: str, digest: str) -> list[str]:
        """The tags that stand for a manifest."""
        return [
            tag
            for tag in self.tags(registry, repository)
            if (self.find(registry, repository, tag) or {}).get("digest") == digest
        ]

    def remove(self, registry: str, repository: str, reference: str) -> bool:
        """Removes a tag, or a manifest with all its tags."""
        found = self.find(registry, repository, reference)
        if found is None:
            return False
        folder = self._tags(registry, repository)
        for path in folder.iterdir():
            entry = read_json(path)
            manifest = reference.startswith("sha256:")
            if path.name == reference or (manifest and entry and entry["digest"] == reference):
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
        named = _NAMED.fullmatch(request.path)
        if named is not None and named[1] != "_catalog" and not _REPOSITORY.fullmatch(named[1]):
            return _refuse(400, "NAME_INVALID", "invalid repository name")
        found = re.fullmatch(r"/v2/(.+)/(manifests|tags)/([^/]+)", request.path)
        if found is not None and found[2] == "tags" and request.method == "GET":
            return self._tag_list(registry, request, found[1])
        if found is not None and found[2] == "manifests":
            return self._manifest(registry, request, found[1], found[3])
        if request.path in ("/acr/v1/_catalog", "/v2/_catalog"):
            shown, headers = _paged(self._images.repositories(registry.name), request)
            return json_response(200, {"repositories": shown}, headers)
        tag = re.fullmatch(r"/acr/v1/(.+)/_tags(?:/([^/]+))?", request.path)
        if tag is not None and request.method == "GET":
            return self._tag(registry, tag[1], tag[2])
        if tag is not None and tag[2] and request.method == "DELETE":
            gone = self._images.remove(registry.name, tag[1], tag[2])
            return Response(202) if gone else _refuse(404, "TAG_UNKNOWN", "the specified tag does not exist")
        manifest = re.fullmatch(r"/acr/v1/(.+)/_manifests(?:/([^/]+))?", request.path)
        if manifest is not None and request.method == "GET":
            return self._manifest_properties(registry, manifest[1], manifest[2])
        repository = re.fullmatch(r"/acr/v1/(.+)", request.path)
        if repository is not None:
            return self._repository(registry, request, repository[1])
        return _refuse(405, "UNSUPPORTED", "The operation is unsupported.")

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

    def _put_manifest(self, registry: Resource, request: Request, repository: str, reference: str) -> Response:
        """Takes a manifest whose parts are all here; https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests."""
        if not _REPOSITORY.fullmatch(repository):
            return _refuse(400, "NAME_INVALID", "invalid repository name")
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
        where = f"/v2/{repository}/manifests/{digest}"
        return Response(201, b"", {"Location": where, "Docker-Content-Digest": digest})

    def _manifest(self, registry: Resource, request: Request, repository: str, reference: str) -> Response:
        if request.method == "PUT":
            return self._put_manifest(registry, request, repository, reference)
        if request.method not in ("GET", "HEAD", "DELETE"):
            return _refuse(405, "UNSUPPORTED", "The operation is unsupported.")
        found = self._images.find(registry.name, repository, reference)
        if found is None:
            return _refuse(404, "MANIFEST_UNKNOWN", f'manifest tagged by "{reference}" is not found')
        if request.method == "DELETE":
            self._images.remove(registry.name, repository, found["digest"])
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
                "imageSize": len(self._images.content(one["digest"]) or b""),
                "architecture": "amd64",
                "os": "linux",
                "mediaType": MANIFEST_TYPE,
                "configMediaType": CONFIG_TYPE,
                "tags": self._images.tags_of(registry.name, repository, one["digest"]),
            }
            for one in found
        ]
        about = {"registry": registry.properties["loginServer"], "imageName": repository}
        return json_response(
            200, {**about, "manifests": shown} if reference is None else {**about, "manifest": shown[0]}
        )

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
            return _refuse(405, "UNSUPPORTED", "The operation is unsupported.")
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
    if request.path in ("/acr/v1/_catalog", "/v2/_catalog"):
        return "registry:catalog:*"
    found = re.match(r"/v2/(.+?)/(manifests|blobs|tags)/(uploads)?", request.path)
    if found is not None:
        pushes = found[3] is not None or request.method in ("PUT", "POST", "PATCH")
        return f"repository:{found[1]}:{'pull,push' if pushes else 'delete' if request.method == 'DELETE' else 'pull'}"
    found = re.match(r"/acr/v1/(.+?)/_(?:tags|manifests)", request.path)
    if found is not None:
        verb = {"GET": "metadata_read", "DELETE": "delete"}.get(request.method, "metadata_write")
        return f"repository:{found[1]}:{verb}"
    found = re.fullmatch(r"/acr/v1/(.+)", request.path)
    if found is not None:
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


def _log_content(path: Path, asked: str | None) -> Response:
    """A log blob, or the part of it that a Range header asks for."""
    content = path.read_bytes()
    headers = {"Content-Type": "text/plain; charset=utf-8", "x-ms-blob-type": "AppendBlob", "Accept-Ranges": "bytes"}
    headers["Last-Modified"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(path.stat().st_mtime))
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    if found is None:
        return Response(200, content, headers)
    first, last = int(found[1]), min(int(found[2] or len(content) - 1), len(content) - 1)
    if first > last:
        return Response(
            416, b"", {**headers, "Content-Range": f"bytes */{len(content)}", "x-ms-error-code": "InvalidRange"}
        )
    return Response(
        206, content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
    )


class Builds:
    """ACR Tasks: takes an uploaded context, builds it in a process of its own, and stores the image."""

    def __init__(
        self, context: Context, images: Images, home: Home, processes: Processes, environment: dict[str, str]
    ) -> None:
        self._context = context
        self._images = images
        self._folder = home.root / "builds"
        self._layers = home.tools / "layers"
        self._processes = processes
        self._environment = environment
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self, registry: Resource) -> None:
        """Removes what a registry held, when it is deleted."""
        self._images.forget(registry.name)

    @property
    def host(self) -> str:
        """The storage account of ACR Tasks, to which contexts are uploaded and from which logs are read."""
        return f"acrtasks{(self._context.store.setting('subscription_id') or '')[:8]}.blob.core.windows.net"

    def upload_url(self) -> Json:
        name = f"source/{time.strftime('%Y%m%d%H%M%S', time.gmtime())}/{uuid.uuid4().hex}.tar.gz"
        return {
            "relativePath": name,
            "uploadUrl": f"https://{self.host}/{name}?sv=2025-01-05&sig={self._signature(name)}",
        }

    def log_url(self, run: Resource) -> str:
        name = f"logs/{run.id.split('/registries/')[1].split('/')[0].lower()}/{run.name}.log"
        return f"https://{self.host}/{name}?sv=2025-01-05&sig={self._signature(name)}"

    def _signature(self, name: str) -> str:
        return hashlib.sha256(f"{self._context.store.setting('upload_secret')}/{name}".encode()).hexdigest()

    def handle(self, request: Request) -> Response:
        """Answers requests to the storage account of ACR Tasks; the URL's signature is the permission."""
        name = request.path.strip("/")
        path = self._folder / name
        given = request.query.get("sig", "").encode()
        if not secrets.compare_digest(given, self._signature(name).encode()) or ".." in name:
            return Response(
                403,
                b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>",
                {"Content-Type": "application/xml", "x-ms-error-code": "AuthenticationFailed"},
            )
        if request.method == "PUT" and name.startswith("source/"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(request.body)
            stamp = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
            return Response(
                201,
                b"",
                {
                    "ETag": f'"0x{secrets.token_hex(8).upper()}"',
                    "Last-Modified": stamp,
                    "x-ms-version": "2025-01-05",
                    "x-ms-request-server-encrypted": "true",
                },
            )
        if request.method in ("GET", "HEAD") and path.is_file():
            content = _log_content(path, request.headers.get("x-ms-range") or request.headers.get("range"))
            if ended := self._ended(path):
                content.headers["x-ms-meta-Complete"] = ended  # what readers of a log wait for
            return content
        return Response(404, b"", {"x-ms-error-code": "BlobNotFound"})

    def _ended(self, log: Path) -> str | None:
        """How the run ended that a log is of; None while it goes on."""
        registry = self._context.store.named(REGISTRIES, log.parent.name)
        run = self._context.store.get(f"{registry.id}/runs/{log.stem}") if registry is not None else None
        status = run.properties["status"] if run is not None else "Succeeded"
        return None if status in ("Queued", "Started", "Running") else {"Succeeded": "successful"}.get(status, "failed")

    def begin(self, registry: Resource, request: Json, run: Resource) -> None:
        """Starts a run in the background."""
        task = asyncio.get_running_loop().create_task(self._run(registry, request, run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, registry: Resource, request: Json, run: Resource) -> None:
        log = self._folder / "logs" / registry.name.lower() / f"{run.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._update(run, status="Running", startTime=utc_now())
        result = self._folder / f"{run.name}-{uuid.uuid4().hex}.result"
        job = result.with_suffix(".job")
        # az and the SDK write build arguments as {name, value, isSecret}
        arguments = {item["name"]: item.get("value", "") for item in request.get("arguments") or []}
        write_private(
            job,
            json.dumps(
                {
                    "context": str(self._folder / str(request.get("sourceLocation", ""))),
                    "dockerfile": request.get("dockerFilePath") or "Dockerfile",
                    "arguments": arguments,
                    "layers": str(self._layers),
                    "result": str(result),
                }
            ),
        )
        with log.open("ab") as stream:
            command = [sys.executable, "-m", "sandbox.image_build", str(job)]
            environment = without_rustup(self._environment, self._layers.parent)
            environment |= {"PYTHONPATH": str(PROJECT), "TMPDIR": str(self._temporary())}
            process = await launch(self._processes, f"build {run.name}", command, environment, PROJECT, stream)
            code = await process.wait()
        self._processes.forget(process.pid)
        job.unlink(missing_ok=True)
        built = read_json(result)
        if code != 0 or built is None:
            self._update(run, status="Failed", finishTime=utc_now())
            return
        result.unlink()
        references = [str(name) for name in request.get("imageNames") or []]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": built["config"],
            "sandbox": {"layer": built["layer"]},
        }
        digest = self._images.add(registry.name, references, config)
        server = registry.properties["loginServer"]
        with log.open("a", encoding="utf-8") as stream:
            stream.write(
                "".join(
                    f"The push refers to repository [{server}/{name.partition(':')[0]}]\n{name}: digest: {digest}\n"
                    for name in references
                )
            )
        outputs = [
            {
                "registry": server,
                "repository": name.partition(":")[0],
                "tag": name.partition(":")[2] or "latest",
                "digest": digest,
            }
            for name in references
        ]
        self._update(run, status="Succeeded", finishTime=utc_now(), outputImages=outputs)

    def _temporary(self) -> Path:
        """Where builds keep what they need only while they run; `down --purge` removes it, whatever became of them."""
        folder = self._folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _update(self, run: Resource, **properties: Any) -> None:
        current = self._context.store.get(run.id)
        if current is not None:
            current.properties.update(properties, lastUpdatedTime=utc_now())
            self._context.store.put(current)

    def recover(self) -> None:
        """Marks the runs that an end of the sandbox cut off."""
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        for run in self._context.store.of_type(RUNS):
            if run.properties["status"] in ("Queued", "Started", "Running"):
                self._update(run, status="Error", finishTime=utc_now())
