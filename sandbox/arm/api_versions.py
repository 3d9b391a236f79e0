# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The api-versions of the resource providers, and the errors for other ones.

The sandbox accepts each api-version between the first one of a provider and today, listed or not: Azure adds versions each
month, and the responses of the sandbox do not depend on them. Source: https://learn.microsoft.com/azure/templates.
"""

from __future__ import annotations

import re
import time

from sandbox.arm.errors import ArmError

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}(?:-(?:preview|privatepreview|alpha|beta))?", re.IGNORECASE)
# the first version that Azure still accepts, then those that clients use most, the latest last
VERSIONS = {
    "Microsoft.App": ("2022-03-01", "2023-05-01", "2024-03-01", "2025-01-01", "2025-07-01", "2026-01-01"),
    "Microsoft.Authorization": ("2015-07-01", "2018-01-01-preview", "2020-04-01-preview", "2022-04-01"),
    "Microsoft.ContainerRegistry": (
        "2017-03-01",
        "2019-05-01",
        "2019-06-01-preview",
        "2022-12-01",
        "2023-07-01",
        "2025-04-01",
        "2025-11-01",
    ),
    "Microsoft.Insights": ("2015-07-01", "2016-09-01", "2017-05-01-preview", "2021-05-01-preview"),
    "Microsoft.KeyVault": (
        "2015-06-01",
        "2019-09-01",
        "2022-07-01",
        "2023-07-01",
        "2024-11-01",
        "2025-05-01",
        "2026-02-01",
    ),
    "Microsoft.ManagedIdentity": ("2015-08-31-preview", "2018-11-30", "2023-01-31", "2024-11-30"),
    "Microsoft.OperationalInsights": (
        "2015-03-20",
        "2020-08-01",
        "2022-10-01",
        "2023-09-01",
        "2025-02-01",
        "2025-07-01",
    ),
    "Microsoft.Resources": ("2014-04-01-preview", "2019-10-01", "2021-04-01", "2022-09-01", "2024-11-01", "2025-04-01"),
    "Microsoft.Sql": ("2014-04-01", "2021-11-01", "2023-08-01", "2025-01-01"),
    "Microsoft.Storage": ("2015-05-01-preview", "2019-06-01", "2022-09-01", "2023-05-01", "2024-01-01", "2025-06-01"),
}
_ANY = ("2014-01-01", "2022-12-01")


def supported(namespace: str) -> tuple[str, ...]:
    """Return the api-versions of a provider, the first one first."""
    return next((versions for name, versions in VERSIONS.items() if name.lower() == namespace.lower()), _ANY)


def check_api_version(version: str | None, namespace: str, kind: str) -> None:
    """Raise ArmError for a request without an api-version, or with one that the provider does not have."""
    if not version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    known = ", ".join(reversed(supported(namespace)))
    if not _FORM.fullmatch(version):
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{known}'.",
        )
    day = version[:10]
    if supported(namespace)[0][:10] <= day <= time.strftime("%Y-%m-%d", time.gmtime()):
        return
    raise ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for API version '{version}' for type '{kind}'. "
        f"The supported api-versions are '{known}'.",
    )
