# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Resource Manager of the sandbox in the process of the test. Nothing runs behind its resources, so it responds at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.arm.manager import ResourceManager
from sandbox.arm.resource_type import Context
from sandbox.entra.directory import Directory
from sandbox.messages import Request, Response
from sandbox.providers.authorization import owner_assignment
from sandbox.providers.catalogue import Backends, resource_types
from sandbox.providers.job import new_execution
from sandbox.store import Operation, Principal, Resource, Store

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
TENANT = "00000000-0000-0000-0000-00000000000a"
CALLER = Principal(
    "00000000-0000-0000-0000-00000000000b", "00000000-0000-0000-0000-00000000000c", "caller", "ServicePrincipal"
)


class Nothing:
    """A backend of apps, jobs, registries, databases and accounts. Operations end when the test finishes them."""

    host = "upload.invalid"

    def __init__(self) -> None:
        self.begun: list[tuple[Resource, Operation]] = []

    def provision(self, app: Resource, operation: Operation) -> None:
        self.begun.append((app, operation))

    def start_account(self, account: Resource, operation: Operation) -> None:
        self.begun.append((account, operation))

    def start(self, job: Resource, template: dict[str, Any] | None) -> Resource:
        return new_execution(job, template, 0.0)

    def ignored(self, *_arguments: object) -> None:
        """Do nothing."""

    remove = removed = written = stop = check_cron = forget = stop_account = create_container = delete_container = (
        ignored
    )


class Azure:
    """Resource Manager with nothing behind it, for the subscription and tenant of the recordings."""

    def __init__(self, folder: Path, key: Path, *, strict: bool = False) -> None:
        self.store = Store(folder / "state.sqlite")
        self.store.open()
        for name, value in (("subscription_id", SUBSCRIPTION), ("tenant_id", TENANT)):
            self.store.set_setting(name, value)
        directory = Directory(self.store, key)
        directory.load()
        self.store.put_principal(CALLER)
        self.store.put(owner_assignment(SUBSCRIPTION, CALLER.object_id))
        self._context = Context(self.store, directory, strict=strict)
        self._backends = Nothing()
        nothing: Any = self._backends
        self.manager = ResourceManager(
            self._context, resource_types(self._context, Backends(nothing, nothing, nothing, nothing, nothing))
        )
        self._token = directory.token(CALLER, "https://management.azure.com")

    def request(self, method: str, url: str, body: Any = None, **query: str) -> Response:
        """Send a request and return the response. `url` is a path or a whole address."""
        address = url if url.startswith("https://") else f"https://management.azure.com{url}"
        if query:
            address += ("&" if "?" in address else "?") + urlencode(query)
        content = b"" if body is None else json.dumps(body).encode()
        return self.manager.handle(Request(method, address, {"authorization": f"Bearer {self._token}"}, content))

    def finish_all(self) -> None:
        """Finish all operations with success."""
        begun, self._backends.begun = self._backends.begun, []
        for resource, operation in begun:
            kept = self.store.get(resource.id)
            if kept is not None and "latestRevisionName" in kept.properties:
                kept.properties["latestReadyRevisionName"] = kept.properties["latestRevisionName"]
                self.store.put(kept)
            self._context.work_done(operation.id)
        self.manager.finish_due()

    def put(self, url: str, body: Any, version: str) -> None:
        """Create a resource and wait until its provisioning has ended."""
        answer = self.request("PUT", url, body, **{"api-version": version})
        assert answer.status in (200, 201, 202), (url, answer.body)
        self.finish_all()

    def add_principal(self, object_id: str) -> None:
        """Add a service principal to the directory."""
        self.store.put_principal(Principal(object_id, f"client-of-{object_id}", object_id, "ServicePrincipal"))

    def add_workspace(self, customer_id: str, key: str) -> None:
        """Add a Log Analytics workspace with this customer id and key to the subscription."""
        path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/of-ours/providers/Microsoft.OperationalInsights/workspaces/{customer_id}"
        body = {"location": "eastus", "properties": {"customerId": customer_id}}
        kind = "microsoft.operationalinsights/workspaces"
        self.store.put(Resource(path, kind, customer_id, body, {"primary": key, "secondary": key}))

    def close(self) -> None:
        self.store.close()
