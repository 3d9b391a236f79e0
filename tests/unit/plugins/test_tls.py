# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates are loaded once for a play, and only these are trusted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import certifi
import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Arm
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import connection_from
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.deadline import Deadline
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure
from ansible_collections.mlops.mlflow_azure.plugins.plugin_utils._tls import Trust

from tests.support.fake_azure import Clock, FakeCredential, module, options
from tests.support.tiny_azure import TinyAzure


def create(azure: TinyAzure, trust: Trust) -> dict[str, Any]:
    given = options("resource_group", name="rg", location="x", subscription_id="s", resource_manager_endpoint=azure.url)
    clock = Clock()
    deadline = Deadline(60, clock.monotonic, clock.sleep)
    arm = Arm(connection_from(given), FakeCredential(), deadline, trust.transport())
    result: dict[str, Any] = module("resource_group")(given, arm).execute(False)
    return result


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_a_server_with_a_certificate_of_the_bundle_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TinyAzure(tmp_path) as azure:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.certificate))
        trust = Trust()
        trust.load()
        assert trust.transport() is not None
        assert trust.transport().connection_config.timeout <= 20
        assert create(azure, trust)["changed"] is True


def test_other_servers_are_not_trusted(tmp_path: Path) -> None:
    trust = Trust()
    trust.load()
    with TinyAzure(tmp_path) as azure, pytest.raises(Failure, match="CERTIFICATE_VERIFY_FAILED"):
        create(azure, trust)
    assert azure.requests == []


def test_the_environment_of_the_task_has_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = Trust()
    assert trust.transport() is None
    trust.load()
    assert trust.transport() is not None
    with TinyAzure(tmp_path) as azure:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.certificate))
        assert trust.transport() is None
        assert create(azure, trust)["changed"] is True
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
        assert trust.transport() is not None


def test_a_missing_bundle_is_an_error_of_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    trust = Trust()
    trust.load()
    assert trust.transport() is None


def test_the_bundle_of_a_worker_is_loaded_before_the_next_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = Trust()
    with TinyAzure(tmp_path) as azure:
        worker = os.fork()
        if worker == 0:  # a task of its own, whose environment names another bundle
            os.environ["REQUESTS_CA_BUNDLE"] = str(azure.certificate)
            os._exit(0 if trust.transport() is None else 1)
        assert os.waitpid(worker, 0)[1] == 0
        trust.load()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.certificate))
        assert trust.transport() is not None
        assert create(azure, trust)["changed"] is True
        # A rewritten file is another bundle.
        os.utime(azure.certificate, ns=(0, 0))
        assert trust.transport() is None


@pytest.mark.parametrize("path", ["/none.pem", "/" + "x" * 9000, "a\0b", ""])
def test_an_invalid_path_is_not_loaded(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = Trust()
    monkeypatch.setattr("ansible_collections.mlops.mlflow_azure.plugins.plugin_utils._tls.bundle", lambda: path)
    assert trust.transport() is None
    trust.load()
    assert trust.transport() is None
