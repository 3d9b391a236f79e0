# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that Azure accepts."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import InvalidOption


class NameRule(NamedTuple):
    """pattern matches a whole valid name; text says the rule to people."""

    pattern: re.Pattern[str]
    text: str


RESOURCE_GROUP = NameRule(
    re.compile(r"[\w\-.()]{0,89}[\w\-()]"),
    "a resource group has 1 to 90 letters, digits, -, _, . and parentheses, and does not end with a dot.",
)
IDENTITY = NameRule(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}"),
    "an identity has 3 to 128 letters, digits, - and _, and begins with a letter or digit.",
)
REGISTRY = NameRule(re.compile(r"[A-Za-z0-9]{5,50}"), "a registry has 5 to 50 letters and digits, nothing else.")
WORKSPACE = NameRule(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"),
    "a workspace has 4 to 63 letters, digits and -, and neither begins nor ends with -.",
)
ENVIRONMENT = NameRule(
    re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{0,58}[a-zA-Z0-9]"),
    "an environment has 2 to 60 letters, digits and single -, begins with a letter and does not end with -.",
)
CONTAINER_APP = NameRule(
    re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,30}[a-z0-9]"),
    "a container app has 2 to 32 lowercase letters, digits and single -, begins with a letter and does not end with -.",
)
CONTAINER_APP_JOB = NameRule(
    re.compile(r"[a-z](?!.*--)([a-z0-9-]{0,30}[a-z0-9])?"),
    "a job has 1 to 32 lowercase letters, digits and single -, begins with a letter and does not end with -.",
)
ENVIRONMENT_STORAGE = NameRule(
    re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?"),
    "a storage has 1 to 32 lowercase letters, digits and -, begins with a letter and does not end with -.",
)
CONTAINER = NameRule(
    re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "it has 1 to 63 lowercase letters, digits and -, and begins and ends with a letter or digit.",
)
SCALE_RULE = NameRule(
    re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"),
    "a scale rule has lowercase letters, digits, - and ., and begins and ends with a letter or digit.",
)
REVISION_SUFFIX = NameRule(
    re.compile(r"(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?"),
    "a suffix has lowercase letters, digits and single -, and begins and ends with a letter or digit.",
)
SQL_SERVER = NameRule(
    re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "an SQL server has 1 to 63 lowercase letters, digits and -, and neither begins nor ends with -.",
)
SQL_DATABASE = NameRule(
    re.compile(r"[^<>*%&:\\/?\x00-\x1f]{0,127}[^<>*%&:\\/?\x00-\x1f .]"),
    "a database has 1 to 128 characters, none of <>*%&:\\/?, and does not end with a dot or a space.",
)
SQL_DATABASE_USER = NameRule(
    re.compile(r"[^\x00-\x1f]{0,127}[^\x00-\x1f ]"),
    "a user or role of a database has 1 to 128 characters, no control characters, and does not end with a space.",
)
SQL_FIREWALL_RULE = NameRule(
    re.compile(r"[^<>*%&:;\\/?\x00-\x1f]{0,127}[^<>*%&:;\\/?\x00-\x1f.]"),
    "a firewall rule has 1 to 128 characters, none of <>*%&:;\\/?, and does not end with a dot.",
)
STORAGE_ACCOUNT = NameRule(
    re.compile(r"[a-z0-9]{3,24}"), "a storage account has 3 to 24 lowercase letters and digits, nothing else."
)
BLOB_CONTAINER = NameRule(
    re.compile(r"\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*"),
    "a container has 3 to 63 lowercase letters, digits and single -, and neither begins nor ends with -.",
)
KEY_VAULT = NameRule(
    re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]"),
    "a key vault has 3 to 24 letters, digits and single -, begins with a letter and does not end with -.",
)
KEY_VAULT_SECRET = NameRule(re.compile(r"[A-Za-z0-9-]{1,127}"), "a secret has 1 to 127 letters, digits and -.")
SECRET = NameRule(
    re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"),
    "a secret has lowercase letters, digits, - and ., and begins and ends with a letter or digit.",
)
REPOSITORY = NameRule(
    re.compile(r"(?=.{1,256}$)[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"),
    "a repository has lowercase letters and digits, separated by ., _, - or /.",
)
TAG = NameRule(
    re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
    "a tag has 1 to 128 letters, digits, _, . and -, and does not begin with . or -.",
)


def check(option: str, value: str, rule: NameRule) -> None:
    """Raises InvalidOption unless value is a name by the rule."""
    if not rule.pattern.fullmatch(value):
        raise InvalidOption(option, value, rule.text)
