# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Naming rules of Azure: the one source for modules, roles and the filter setting_problem.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InvalidOption


@dataclass(frozen=True)
class NameRule:
    """A naming rule: a pattern for the whole name, and reserved names in lowercase.

    Messages read "<subject> has <text>."
    """

    subject: str
    pattern: re.Pattern[str]
    text: str
    reserved: frozenset[str] = frozenset()

    def accepts(self, name: str) -> bool:
        """Return whether Azure accepts the name."""
        return self.pattern.fullmatch(name) is not None and name.lower() not in self.reserved


RESOURCE_GROUP = NameRule(
    "a resource group",
    re.compile(r"[\w\-.()]{0,89}[\w\-()]"),
    "1 to 90 letters, digits, '_', '-', '.' and parentheses, not ending with '.'",
)
IDENTITY = NameRule(
    "an identity",
    re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}"),
    "3 to 128 letters, digits, '_' and '-', beginning with a letter or digit",
)
REGISTRY = NameRule("a registry", re.compile(r"[A-Za-z0-9]{5,50}"), "5 to 50 letters and digits")
WORKSPACE = NameRule(
    "a workspace",
    re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"),
    "4 to 63 letters, digits and hyphens, beginning and ending with a letter or digit",
)
ENVIRONMENT = NameRule(
    "an environment",
    re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{0,58}[a-zA-Z0-9]"),
    "2 to 60 letters, digits and single hyphens, beginning with a letter, not ending with a hyphen",
)
CONTAINER_APP = NameRule(
    "a container app",
    re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,30}[a-z0-9]"),
    "2 to 32 lowercase letters, digits and single hyphens, beginning with a letter, not ending with a hyphen",
)
CONTAINER_APP_JOB = NameRule(
    "a job",
    re.compile(r"[a-z](?!.*--)([a-z0-9-]{0,30}[a-z0-9])?"),
    "1 to 32 lowercase letters, digits and single hyphens, beginning with a letter, not ending with a hyphen",
)
ENVIRONMENT_STORAGE = NameRule(
    "a storage",
    re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?"),
    "1 to 32 lowercase letters, digits and hyphens, beginning with a letter, not ending with a hyphen",
)
CONTAINER = NameRule(
    "a container or volume",
    re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "1 to 63 lowercase letters, digits and hyphens, beginning and ending with a letter or digit",
)
SCALE_RULE = NameRule(
    "a scale rule",
    re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"),
    "lowercase letters, digits, '-' and '.', beginning and ending with a letter or digit",
)
REVISION_SUFFIX = NameRule(
    "a suffix",
    re.compile(r"(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?"),
    "lowercase letters, digits and single hyphens, beginning and ending with a letter or digit",
)
SQL_SERVER = NameRule(
    "an SQL server",
    re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "1 to 63 lowercase letters, digits and hyphens, beginning and ending with a letter or digit",
)
SQL_DATABASE = NameRule(
    "a database",
    re.compile(r"[^<>*%&:\\/?\x00-\x1f]{0,127}[^<>*%&:\\/?\x00-\x1f .]"),
    "1 to 128 characters without < > * % & : \\ / ?, not ending with '.' or a space",
)
SQL_DATABASE_USER = NameRule(
    "a user or role of a database",
    re.compile(r"[^\x00-\x1f]{0,127}[^\x00-\x1f ]"),
    "1 to 128 characters without control characters, not ending with a space",
)
SQL_FIREWALL_RULE = NameRule(
    "a firewall rule",
    re.compile(r"[^<>*%&:;\\/?\x00-\x1f]{0,127}[^<>*%&:;\\/?\x00-\x1f.]"),
    "1 to 128 characters without < > * % & : ; \\ / ?, not ending with '.'",
)
# Names of SQL Server's own logins, users, roles and schemas, and those that Azure SQL refuses besides.
SQL_LOGIN = NameRule(
    "the administrator login",
    re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}"),
    "1 to 128 letters, digits, '_' and '-', beginning with a letter, not a name that Azure SQL reserves (admin, sa, ...)",
    reserved=frozenset(
        "admin administrator dbmanager dbo guest information_schema loginmanager public root sa sys".split()
    ),
)
DIAGNOSTIC_SETTING = NameRule(
    "a diagnostic setting",
    re.compile(r"[^*<>%&:?+/\\\x00-\x1f]{0,259}[^*<>%&:?+/\\\x00-\x1f .]"),
    "1 to 260 characters, none of *<>%&:?+/\\, not ending with '.' or a space",
)
LOCK = NameRule(
    "a lock",
    re.compile(r"[^<>%&:\\?/]{0,259}[^<>%&:\\?/. ]"),
    "1 to 260 characters, none of <>%&:\\?/, not ending with '.' or a space",
)
STORAGE_ACCOUNT = NameRule("a storage account", re.compile(r"[a-z0-9]{3,24}"), "3 to 24 lowercase letters and digits")
BLOB_CONTAINER = NameRule(
    "a container",
    re.compile(r"\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*"),
    "3 to 63 lowercase letters, digits and single hyphens, beginning and ending with a letter or digit (or $root, $web, $logs)",
)
KEY_VAULT = NameRule(
    "a key vault",
    re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]"),
    "3 to 24 letters, digits and single hyphens, beginning with a letter, not ending with a hyphen",
)
KEY_VAULT_SECRET = NameRule("a secret", re.compile(r"[A-Za-z0-9-]{1,127}"), "1 to 127 letters, digits and hyphens")
SECRET = NameRule(
    "a secret",
    re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"),
    "1 to 253 lowercase letters, digits, '-' and '.', beginning and ending with a letter or digit",
)
_COMPONENT = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
# https://github.com/opencontainers/distribution-spec: the name of a repository.
REPOSITORY = NameRule(
    "a repository",
    re.compile(rf"(?=.{{1,256}}$){_COMPONENT}(/{_COMPONENT})*"),
    "1 to 256 lowercase letters and digits, separated by '.', '_', '__', '/' or hyphens",
)
TAG = NameRule(
    "a tag",
    re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
    "1 to 128 letters, digits, '_', '.' and '-', not beginning with '.' or '-'",
)


def check(option: str, value: str, rule: NameRule) -> None:
    """Raise InvalidOption unless Azure accepts the value as a name."""
    if not rule.accepts(value):
        raise InvalidOption(option, value, f"{rule.subject} has {rule.text}.")
