# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and URL paths of the registries' data plane."""

from __future__ import annotations

import pytest

from sandbox.registry.paths import Target, is_image_name, parse_path, repository_and_reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v2", Target("version")),
        ("/v2/", Target("version")),
        ("/v2/_catalog", Target("catalog")),
        ("/acr/v1/_catalog", Target("catalog")),
        ("/v2/app/manifests/v1", Target("manifests", "app", "v1")),
        (f"/v2/team/app/manifests/{DIGEST}", Target("manifests", "team/app", DIGEST)),
        ("/v2/app/tags/list", Target("tags", "app", "list")),
        (f"/v2/app/referrers/{DIGEST}", Target("referrers", "app", DIGEST)),
        (f"/v2/app/blobs/{DIGEST}", Target("blobs", "app", DIGEST)),
        (f"/v2/app/blobs/{DIGEST}/", Target("blobs", "app", DIGEST)),
        ("/v2/app/blobs/uploads", Target("uploads", "app")),
        ("/v2/app/blobs/uploads/", Target("uploads", "app")),
        ("/v2/app/blobs/uploads/0a-1b", Target("uploads", "app", "0a-1b")),
        ("/acr/v1/app", Target("acr", "app")),
        ("/acr/v1/app/_tags", Target("acr/tags", "app")),
        ("/acr/v1/app/_tags/v1", Target("acr/tags", "app", "v1")),
        ("/acr/v1/team/app/_manifests", Target("acr/manifests", "team/app")),
        (f"/acr/v1/team/app/_manifests/{DIGEST}", Target("acr/manifests", "team/app", DIGEST)),
    ],
)
def test_a_path_addresses_one_target(path: str, target: Target) -> None:
    assert parse_path(path) == target


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v2/a/tags/b/manifests/v1", Target("manifests", "a/tags/b", "v1")),
        ("/v2/a/manifests/b/tags/list", Target("tags", "a/manifests/b", "list")),
        (f"/v2/a/blobs/uploads/blobs/{DIGEST}", Target("blobs", "a/blobs/uploads", DIGEST)),
        ("/v2/a/manifests/uploads", Target("manifests", "a", "uploads")),
    ],
)
def test_the_last_segments_decide_if_a_repository_has_the_name_of_an_operation(path: str, target: Target) -> None:
    assert parse_path(path) == target


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v3/app/manifests/v1",
        "/v2/manifests/v1",
        "/v2/App/manifests/v1",
        "/v2/../manifests/v1",
        "/v2//manifests/v1",
        "/v2/app/manifests/",
        f"/v2/App/blobs/{DIGEST}",
        "/v2/app/blobs/uploads/..",
        "/v2/app/blobs/uploads/a/b",
        "/acr/v1/",
        "/acr/v1/../app",
        "/acr/v1/app/_tags/",
    ],
)
def test_an_invalid_path_has_no_target(path: str) -> None:
    assert parse_path(path) is None


@pytest.mark.parametrize("name", ["app", "app:v1", "team/app:1.2_3", "a__b", "a--b", "a.b/c-d"])
def test_valid_image_names(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["", "App", "a___b", "a//b", "/a", "a/", "-a", "a:", "a:-b", "a/../b", f"a@{DIGEST}"])
def test_invalid_image_names(name: str) -> None:
    assert not is_image_name(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("app", ("app", "latest")),
        ("app:v1", ("app", "v1")),
        (f"app@{DIGEST}", ("app", DIGEST)),
        (f"app:v1@{DIGEST}", ("app", DIGEST)),
    ],
)
def test_the_digest_of_an_image_name_precedes_its_tag(name: str, expected: tuple[str, str]) -> None:
    assert repository_and_reference(name) == expected
