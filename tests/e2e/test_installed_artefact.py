# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artefact, installed in an empty directory, deploys to the sandbox; who runs it has the documented role and no other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.sandbox_client import Client
from tests.support.site_copy import PROJECT, Play, Site

pytestmark = pytest.mark.slow
ROLE_VERSION = "2022-04-01"
COMMANDS = Path(sys.executable).parent


@dataclass(frozen=True)
class Installed:
    """A directory with an installed collection and nothing else. The sandbox stores its state in the collection."""

    site: Site
    collection: Path

    def play(self, name: str, *arguments: str) -> Play:
        inventory = self.collection / "inventories" / "sandbox"
        done = self.site.run(
            COMMANDS / "ansible-playbook",
            "-i",
            inventory,
            f"mlops.mlflow_azure.{name}",
            *arguments,
            ANSIBLE_COLLECTIONS_PATH=str(self.site.clone / "collections"),
            ANSIBLE_HOME=str(self.site.home / ".ansible"),
        )
        return Play(done.returncode, done.stdout)

    def sandbox(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=self.collection,
            env=self.site.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def client(self) -> Client:
        return Client(self.collection / ".sandbox", json.loads(self.sandbox("env", "--json")))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("installed")
    site = Site(folder / "empty", folder / "home", folder / "tmp")
    for made in (site.clone, site.home, site.temporary):
        made.mkdir()
    for command in (
        ["collection", "build", str(PROJECT), "--output-path", str(folder / "artefacts")],
        ["collection", "install", "--collections-path", "collections", "--offline"],
    ):
        artefacts = [str(path) for path in (folder / "artefacts").glob("*.tar.gz")]
        done = site.run(COMMANDS / "ansible-galaxy", *command, *artefacts)
        assert done.returncode == 0, done.stdout
    collection = site.clone / "collections" / "ansible_collections" / "mlops" / "mlflow_azure"
    result = Installed(site, collection)
    result.sandbox("up")
    yield result
    result.sandbox("down", "--purge")
    shutil.rmtree(folder)


def give_only_the_documented_role(client: Client) -> None:
    """Create the role of docs/role-definition.json, assign it to the principal that runs the playbook, and remove its other role assignments."""
    definition = json.loads((PROJECT / "docs" / "role-definition.json").read_text(encoding="utf-8"))
    assignments = f"{client.subscription}/providers/Microsoft.Authorization/roleAssignments"
    (owner,) = client.arm("GET", assignments, version=ROLE_VERSION).json()["value"]
    role = f"{client.subscription}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
    permissions = {
        "actions": definition["Actions"],
        "notActions": definition["NotActions"],
        "dataActions": definition["DataActions"],
        "notDataActions": definition["NotDataActions"],
    }
    made = client.arm(
        "PUT",
        role,
        {
            "properties": {
                "roleName": definition["Name"],
                "assignableScopes": [client.subscription],
                "permissions": [permissions],
            }
        },
        version=ROLE_VERSION,
    )
    assert made.status_code == 201, made.text
    properties = {
        "roleDefinitionId": role,
        "principalId": owner["properties"]["principalId"],
        "principalType": "ServicePrincipal",
    }
    given = client.arm("PUT", f"{assignments}/{uuid.uuid4()}", {"properties": properties}, version=ROLE_VERSION)
    assert given.status_code == 201, given.text
    taken = client.arm("DELETE", owner["id"], version=ROLE_VERSION)
    assert taken.status_code == 200, taken.text


def test_the_installed_artefact_deploys_with_the_documented_role(installed: Installed) -> None:
    give_only_the_documented_role(installed.client())
    first = installed.play("site")
    assert first.code == 0, first.output[-6000:]
    second = installed.play("site")
    assert second.code == 0, second.output[-6000:]
    assert second.changed == 0, second.output[-6000:]
    probe = installed.play(
        "client", "-e", json.dumps({"mlflow_client_probe": True, "mlflow_client_probe_releases": ["3.17"]})
    )
    assert probe.code == 0, probe.output[-6000:]
    gone = installed.play("teardown", "-e", "teardown_confirm=sandbox")
    assert gone.code == 0, gone.output[-6000:]
    client = installed.client()
    assert client.arm("GET", f"{client.subscription}/providers/Microsoft.App/jobs").json()["value"] == []


def test_the_documented_role_has_one_wildcard_for_operation_status() -> None:
    definition = json.loads((PROJECT / "docs" / "role-definition.json").read_text(encoding="utf-8"))
    assert [action for action in definition["Actions"] if "*" in action.replace("/locations/*/read", "")] == []
    assert definition["Actions"] == sorted(set(definition["Actions"]))
    assert definition["DataActions"] == []
