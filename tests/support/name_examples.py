# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that Azure accepts and names that it refuses, by kind: modules, roles and sandbox are compared over them.

Sources: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules, and for repositories the distribution
specification of OCI.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NameExamples:
    """Examples of one kind.

    rule: the constant in module_utils/_core/names.py. kind: the kind of the filter setting_problem. type: the resource type of the sandbox.
    """

    rule: str
    accepted: tuple[str, ...]
    refused: tuple[str, ...]
    kind: str = ""
    type: str = ""


NAME_EXAMPLES = (
    NameExamples(
        "RESOURCE_GROUP",
        ("r", "rg-x_1.(a)", "rg-größe", "資源", "a" * 90),
        ("rg.", "a" * 91, "a b", "a/b", "a\n"),
        kind="resource_group",
        type="Microsoft.Resources/resourceGroups",
    ),
    NameExamples(
        "IDENTITY",
        ("abc", "1bc", "id-x_1", "a" * 128),
        ("ab", "-abc", "_abc", "a.b", "größe", "a" * 129),
        kind="user_assigned_identity",
        type="Microsoft.ManagedIdentity/userAssignedIdentities",
    ),
    NameExamples(
        "REGISTRY",
        ("abcde", "Abc12", "a" * 50),
        ("abcd", "a-bcd", "a" * 51, "äbcde"),
        kind="container_registry",
        type="Microsoft.ContainerRegistry/registries",
    ),
    NameExamples(
        "WORKSPACE",
        ("abcd", "log-mlflow", "1--2", "a" * 63),
        ("abc", "-abc", "abc-", "a_bcd", "a" * 64),
        kind="log_analytics_workspace",
        type="Microsoft.OperationalInsights/workspaces",
    ),
    NameExamples(
        "ENVIRONMENT",
        ("ab", "cae-X", "a" * 60),
        ("a", "a-", "-ab", "1a", "a_b", "a--b", "a" * 61),
        kind="container_app_environment",
        type="Microsoft.App/managedEnvironments",
    ),
    NameExamples(
        "CONTAINER_APP",
        ("ab", "mlflow", "a-1", "a" * 32),
        ("a", "1a", "A1", "a-", "-a", "a--b", "a" * 33, "a_b", "mlflow\n"),
        kind="container_app",
        type="Microsoft.App/containerApps",
    ),
    NameExamples(
        "CONTAINER_APP_JOB",
        ("a", "ab", "probe-3-17", "a" * 32),
        ("1a", "A1", "a-", "a--b", "a" * 33, "a_b"),
        kind="container_app_job",
        type="Microsoft.App/jobs",
    ),
    NameExamples(
        "ENVIRONMENT_STORAGE",
        ("a", "share-1", "a" * 32),
        ("1a", "A", "a-", "a_b", "a" * 33),
        type="Microsoft.App/managedEnvironments/storages",
    ),
    NameExamples(
        "SQL_SERVER",
        ("s", "1", "sql-x1", "a--b", "a" * 63),
        ("SQL", "-a", "a-", "a_b", "a" * 64),
        kind="sql_server",
        type="Microsoft.Sql/servers",
    ),
    NameExamples(
        "SQL_DATABASE",
        ("m", "mlflow", "my db", "größe", "a" * 128),
        ("a/b", "a?", "a.", "a ", "a\x01", "a" * 129),
        kind="sql_database",
        type="Microsoft.Sql/servers/databases",
    ),
    NameExamples(
        "SQL_LOGIN",
        ("mlflowadmin", "a_1", "a-b", "Administrators", "a" * 128),
        (
            *("admin", "Administrator", "dbmanager", "dbo", "guest", "INFORMATION_SCHEMA", "loginmanager"),
            *("public", "root", "sa", "SYS", "1a", "a b", "a" * 129),
        ),
        kind="sql_login",
    ),
    NameExamples(
        "STORAGE_ACCOUNT",
        ("abc", "1st", "st1", "a" * 24),
        ("ab", "a-b", "Abc", "a" * 25),
        kind="storage_account",
        type="Microsoft.Storage/storageAccounts",
    ),
    NameExamples(
        "BLOB_CONTAINER",
        ("abc", "a-b", "1ab", "a" * 63, "$root", "$web", "$logs"),
        ("ab", "a--b", "-ab", "ab-", "A-b", "$other", "web$", "a" * 64),
        kind="storage_container",
        type="Microsoft.Storage/storageAccounts/blobServices/containers",
    ),
    NameExamples(
        "KEY_VAULT",
        ("abc", "Kv-1", "a" * 24),
        ("ab", "1ab", "kv-", "k--v", "k_v", "a" * 25),
        type="Microsoft.KeyVault/vaults",
    ),
    NameExamples("KEY_VAULT_SECRET", ("a", "-a-", "a" * 127), ("", "a_b", "a.b", "a" * 128)),
    NameExamples(
        "REPOSITORY",
        ("mlflow", "team/mlflow-azure", "a_b.c", "a--b", "a__b", "a-----b", "a" * 256),
        ("Mlflow", "/a", "a/", "a//b", "-a", "a-", "a:b", "a..b", "a___b", "a._b", "a" * 257),
        kind="image_repository",
    ),
    NameExamples("TAG", ("1", "_a", "v1.0-rc_1", "a" * 128), ("", ".a", "-a", "a/b", "a" * 129)),
    NameExamples("SECRET", ("a", "kek-passphrase", "a.b", "a" * 253), ("A", "-a", "a-", "a_b", "a" * 254)),
    NameExamples("CONTAINER", ("a", "1", "mlflow-1", "a" * 63), ("A", "-a", "a-", "a_b", "a" * 64)),
    NameExamples("SCALE_RULE", ("a", "http.1", "cpu-2"), ("A", "-a", "a.", "a_b")),
    NameExamples("REVISION_SUFFIX", ("a", "1", "v-1"), ("A", "-a", "a-", "a--b", "a.b")),
    NameExamples(
        "SQL_FIREWALL_RULE",
        ("a", "my office", "a" * 128),
        ("a;b", "a/b", "a.", "a" * 129),
        type="Microsoft.Sql/servers/firewallRules",
    ),
    NameExamples("SQL_DATABASE_USER", ("a", "id-mlflow", "größe", "a" * 128), ("a ", "a\x01", "a" * 129)),
    NameExamples(
        "DIAGNOSTIC_SETTING",
        ("a", "to-workspace", "a b", "größe", "a" * 260),
        ("", "a/b", "a.", "a ", "a+b", "a" * 261),
        type="Microsoft.Insights/diagnosticSettings",
    ),
    NameExamples(
        "LOCK",
        ("a", "keep", "a+b", "größe", "a" * 260),
        ("", "a/b", "a.", "a ", "a?b", "a" * 261),
        type="Microsoft.Authorization/locks",
    ),
)
