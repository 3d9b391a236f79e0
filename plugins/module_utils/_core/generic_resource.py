# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resource types without an SDK client of their own: the client of all resources takes any resource id."""

from __future__ import annotations

from typing import Any

from .api_versions import API_VERSIONS
from .arm import ANY_RESOURCE, Submitted
from .identifiers import check_scope
from .resource import Resource


class GenericResource(Resource):
    """A resource by its id. C(API_VERSIONS) has an entry for its type."""

    operations = ANY_RESOURCE
    packages = {"azure.mgmt.resource.resources": "azure-mgmt-resource"}
    get_method = "get_by_id"
    create_method = "begin_create_or_update_by_id"
    update_method = "begin_create_or_update_by_id"
    delete_method = "begin_delete_by_id"

    def sdk_arguments(self) -> list[str]:
        return [self.id]

    def sdk_options(self) -> dict[str, Any]:
        return {"api_version": API_VERSIONS[self.type]}


class ExtensionResource(GenericResource):
    """A resource that belongs to another one, whose id is option C(scope). C(path) begins below that id."""

    def validate(self) -> None:
        """Raise InvalidOption unless C(scope) is a resource id. A type with more rules calls this first."""
        check_scope(self.params["scope"])

    def wait_for_operation(self, submitted: Submitted, label: str) -> None:
        """Return at once: extension resources are written synchronously, also with status 201."""

    @property
    def id(self) -> str:
        return f"{self.params['scope'].rstrip('/')}{self.path.format_map(dict(self.params))}"
