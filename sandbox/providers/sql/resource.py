# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the types of Microsoft.Sql, and the error that they share."""

from __future__ import annotations

from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import ResourceType
from sandbox.arm.target import Target

LOCATIONS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Sql/locations/{location}"


class SqlResource(ResourceType):
    """A resource type of Microsoft.Sql. Its resources have no provisioning state."""

    shows_state = False

    def not_found(self, target: Target) -> ArmError:
        return ArmError(
            404,
            "ResourceNotFound",
            f"The requested resource of type '{target.type}' with name '{target.name}' was not found.",
            cause="",
        )


def invalid_value(name: str, value: object, rule: str) -> ArmError:
    """Return the error for a property with an invalid value."""
    return ArmError(
        400, "InvalidParameterValue", f"Invalid value '{value}' given for parameter '{name}'. {rule}", cause=""
    )
