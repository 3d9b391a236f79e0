# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in a registry (repositories, tags, digests) and the URL paths of its data plane. Pure.

Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DIGEST = r"sha256:[0-9a-f]{64}"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_REPOSITORY = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"

_REPOSITORY_LENGTH = 256


def is_digest(value: str) -> bool:
    """Return whether a value is the digest of a blob or a manifest."""
    return re.fullmatch(DIGEST, value) is not None


def is_tag(value: str) -> bool:
    """Return whether a value is a valid tag."""
    return re.fullmatch(_TAG, value) is not None


def is_repository(value: str) -> bool:
    """Return whether a value is a valid repository name. Names become folders, so nothing else is let through."""
    return len(value) <= _REPOSITORY_LENGTH and re.fullmatch(_REPOSITORY, value) is not None


def is_image_name(value: str) -> bool:
    """Return whether a value is `repository` or `repository:tag`."""
    repository, mark, tag = value.partition(":")
    return is_repository(repository) and (not mark or is_tag(tag))


def repository_and_reference(name: str) -> tuple[str, str]:
    """Return the repository and the tag or digest of an image name without its server. With both, the digest decides."""
    name, _mark, digest = name.partition("@")
    repository, _mark, tag = name.partition(":")
    return repository, digest or tag or "latest"


@dataclass(frozen=True)
class Target:
    """Part of the data plane that a URL path addresses.

    `kind`: version, catalog, manifests, tags, referrers, blobs or uploads of the distribution API; acr, acr/tags or acr/manifests of
    Azure's own. `reference`: the last segment of the path; empty if there is none.
    """

    kind: str
    repository: str = ""
    reference: str = ""


def parse_path(path: str) -> Target | None:
    """Return the target of a path; None for an invalid one.

    The last segments decide: a repository may be called `a/tags/b`.
    """
    match path.split("/")[1:]:
        case ["v2"] | ["v2", ""]:
            return Target("version")
        case ["v2", "_catalog"] | ["acr", "v1", "_catalog"]:
            return Target("catalog")
        case ["v2", *name, "blobs", "uploads"]:
            target = Target("uploads", "/".join(name))
        case ["v2", *name, "blobs", "uploads", upload] if re.fullmatch(r"[0-9a-f-]*", upload):
            target = Target("uploads", "/".join(name), upload)
        case ["v2", *name, ("manifests" | "tags" | "referrers" | "blobs") as kind, reference] if reference:
            target = Target(kind, "/".join(name), reference)
        case ["v2", *name, "blobs", reference, ""] if reference:
            target = Target("blobs", "/".join(name), reference)
        case ["acr", "v1", *name, ("_manifests" | "_tags") as kind, reference] if reference:
            target = Target(f"acr/{kind[1:]}", "/".join(name), reference)
        case ["acr", "v1", *name, ("_manifests" | "_tags") as kind]:
            target = Target(f"acr/{kind[1:]}", "/".join(name))
        case ["acr", "v1", *name]:
            target = Target("acr", "/".join(name))
        case _:
            return None
    return target if is_repository(target.repository) else None
