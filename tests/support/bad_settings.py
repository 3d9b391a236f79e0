# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that site.yml accepts, and settings that the checks of its roles refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CLONE = Path(__file__).resolve().parents[2]
# A secret in the settings that must not be in the output.
SECRET = "hush-hush-0123456789"

GOOD: dict[str, Any] = {
    "deployment_suffix": "x1",
    "deployment_location": "westeurope",
    "deployment_subscription_id": "00000000-0000-0000-0000-000000000000",
    "image_accept_msodbc_eula": True,
    "mlflow_app_crypto_kek_passphrase": f"{SECRET}-0123456789-",
    "mlflow_app_allowed_address_ranges": [{"name": "office", "range": "203.0.113.0/24"}],
}

ADMINISTRATOR_ID = "dddddddd-0000-0000-0000-000000000001"
ADMINISTRATOR = {"sql_entra_administrator_name": "deployer", "sql_entra_administrator_client_id": ADMINISTRATOR_ID}

# Invalid settings, and the parts of the expected message.
BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"foundation_resource_group": "rg-."}, ["foundation_resource_group", "'rg-.'", "not ending with '.'"]),
    ({"foundation_location": "west/europe"}, ["foundation_location", "'west/europe'", "region"]),
    ({"foundation_location": None}, ["foundation_location"]),
    ({"foundation_identity_name": "-x"}, ["foundation_identity_name", "'-x'"]),
    ({"foundation_workspace_name": "log"}, ["foundation_workspace_name", "'log'", "4 to 63"]),
    ({"foundation_workspace_retention_in_days": 1000}, ["foundation_workspace_retention_in_days", "1000", "730"]),
    ({"foundation_workspace_retention_in_days": 8}, ["foundation_workspace_retention_in_days", "8", "7, or 30 to 730"]),
    ({"foundation_workspace_retention_in_days": "many"}, ["foundation_workspace_retention_in_days", "int"]),
    ({"foundation_tags": "red"}, ["foundation_tags", "dict"]),
    ({"registry_name": "my-registry"}, ["registry_name", "'my-registry'", "letters and digits"]),
    ({"registry_name": ""}, ["registry_name is not set"]),
    ({"registry_sku": "Gold"}, ["registry_sku", "Gold", "Premium"]),
    ({"registry_public_network_access": False}, ["registry_sku", "'Basic'", "Premium"]),
    ({"storage_account_name": "My_Account"}, ["storage_account_name", "'My_Account'", "3 to 24 lowercase"]),
    ({"storage_account_name": "a" * 25}, ["storage_account_name", "3 to 24"]),
    ({"storage_container_name": "a--b"}, ["storage_container_name", "'a--b'", "single hyphens"]),
    ({"storage_path": "/root"}, ["storage_path", "'/root'"]),
    ({"storage_sku": "Cheap_LRS"}, ["storage_sku", "Cheap_LRS", "Standard_LRS"]),
    ({"sql_server_name": "SQL"}, ["sql_server_name", "'SQL'", "lowercase"]),
    ({"sql_database_name": "a/b"}, ["sql_database_name", "'a/b'"]),
    ({"sql_authentication": "kerberos"}, ["sql_authentication", "kerberos", "managed_identity"]),
    ({"sql_authentication": "password"}, ["sql_administrator_password is not set", "8 to 128"]),
    (
        {"sql_authentication": "password", "sql_administrator_password": "hush-hush-weak"},
        ["sql_administrator_password", "three of"],
    ),
    (
        {"sql_authentication": "password", "sql_administrator_password": f"{SECRET}-MlflowAdmin"},
        ["sql_administrator_password", "contains the login"],
    ),
    (
        {
            "sql_authentication": "password",
            "sql_administrator_password": f"{SECRET}-A",
            "sql_administrator_login": "sa",
        },
        ["sql_administrator_login", "'sa'", "reserves"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_entra_administrator_name": ""},
        ["sql_entra_administrator_name is not set"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_entra_administrator_client_id": ""},
        ["sql_entra_administrator_client_id is not set", "GUID"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_entra_administrator_principal_type": "Group"},
        ["sql_entra_administrator_object_id is not set", "GUID"],
    ),
    (
        {
            "sql_authentication": "contained_user",
            **ADMINISTRATOR,
            "sql_database_user_client_id": ADMINISTRATOR_ID.upper(),
        },
        ["sql_entra_administrator_client_id", "sql_database_user_client_id", "managed_identity"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_database_user_name": ""},
        ["sql_database_user_name is not set"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_database_user_client_id": "id-mlflow-dev"},
        ["sql_database_user_client_id", "'id-mlflow-dev'", "GUID"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_database_user_roles": []},
        ["sql_database_user_roles is empty", "db_ddladmin"],
    ),
    ({"sql_entra_administrator_principal_type": "Group"}, ["sql_entra_administrator_principal_type", "contained_user"]),
    ({"sql_database_auto_pause_delay": 5}, ["sql_database_auto_pause_delay", "5", "15 to 10080 minutes"]),
    ({"sql_database_auto_pause_delay": 10081}, ["sql_database_auto_pause_delay", "10081", "15 to 10080 minutes"]),
    ({"storage_soft_delete_days": 366}, ["storage_soft_delete_days", "366", "1 to 365 days"]),
    (
        {"sql_database_backup_retention_days": 36},
        ["sql_database_backup_retention_days", "36", "GP_S_Gen5_1", "1 to 35 days"],
    ),
    (
        {"sql_database_sku": "Basic", "sql_database_backup_retention_days": 8},
        ["sql_database_backup_retention_days", "8", "Basic", "1 to 7 days"],
    ),
    ({"sql_state": "absent"}, ["sql_state", "absent", "teardown.yml"]),
    ({"sql_database_max_size_gb": -1}, ["sql_database_max_size_gb", "-1", "0 to leave it to Azure"]),
    (
        {"sql_database_sku": "S0", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 32},
        ["sql_database_max_size_gb", "32", "sql_database_sku S0", "30, 40", "200, 250 GB", "0 to leave it to Azure"],
    ),
    (
        {"sql_database_sku": "Basic", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 5},
        ["sql_database_max_size_gb", "5", "sql_database_sku Basic", "one of 1, 2 GB"],
    ),
    (
        {"sql_database_sku": "S3", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 1280},
        ["sql_database_max_size_gb", "1280", "sql_database_sku S3", "750, 1024 GB"],
    ),
    (
        {"sql_database_sku": "P15", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 2000},
        ["sql_database_max_size_gb", "2000", "sql_database_sku P15", "3840, 4096 GB"],
    ),
    (
        {"sql_database_sku": "S0", "sql_database_auto_pause_delay": 60},
        ["sql_database_auto_pause_delay", "S0", "GP_S_Gen5_1"],
    ),
    (
        {"sql_firewall_rules": [{"name": "x", "start_ip_address": "1.2.3", "end_ip_address": "1.2.3.4"}]},
        ["sql_firewall_rules[].start_ip_address", "'1.2.3'"],
    ),
    ({"sql_firewall_rules": [{"name": "x"}]}, ["sql_firewall_rules", "start_ip_address"]),
    ({"image_accept_msodbc_eula": False}, ["image_accept_msodbc_eula", "https://aka.ms/odbc18eula", "true"]),
    ({"image_repository": "Upper"}, ["image_repository", "'Upper'"]),
    ({"image_context": "/nowhere"}, ["image_context", "/nowhere", "Dockerfile"]),
    ({"image_builder": "kaniko"}, ["image_builder", "kaniko", "acr"]),
    ({"app_environment_name": "x_y"}, ["app_environment_name", "'x_y'"]),
    ({"app_environment_name": "a--b"}, ["app_environment_name", "'a--b'", "single hyphens"]),
    ({"app_environment_internal": True}, ["app_environment_infrastructure_subnet_id is not set"]),
    (
        {"app_environment_infrastructure_subnet_id": "default"},
        ["app_environment_infrastructure_subnet_id", "/subscriptions/"],
    ),
    ({"mlflow_app_name": "Mlflow"}, ["mlflow_app_name", "'Mlflow'", "2 to 32 lowercase"]),
    (
        {"mlflow_app_allowed_address_ranges": []},
        ["mlflow_app_allowed_address_ranges is empty", "mlflow_app_allow_public"],
    ),
    ({"mlflow_app_allow_public": True}, ["mlflow_app_allow_public", "Keep one"]),
    (
        {"mlflow_app_allowed_address_ranges": [{"name": "x", "range": "203.0.113.7/24"}]},
        ["mlflow_app_allowed_address_ranges[].range", "'203.0.113.7/24'", "CIDR"],
    ),
    ({"mlflow_app_crypto_kek_passphrase": ""}, ["mlflow_app_crypto_kek_passphrase is not set"]),
    ({"mlflow_app_crypto_kek_passphrase": "hush-hush"}, ["mlflow_app_crypto_kek_passphrase", "32 random characters"]),
    ({"mlflow_app_crypto_kek_passphrase": SECRET}, ["mlflow_app_crypto_kek_passphrase", "32 random characters"]),
    ({"mlflow_app_webhook_secret_key": SECRET}, ["mlflow_app_webhook_secret_key", "openssl rand -base64 32"]),
    (
        {"mlflow_app_environment": {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": SECRET}},
        ["mlflow_app_environment", "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", "mlflow_app_webhook_secret_key"],
    ),
    (
        {"mlflow_app_crypto_kek_passphrase": "mlflow-default-kek-passphrase-for-development-only"},
        ["mlflow_app_crypto_kek_passphrase", "MLflow's source"],
    ),
    ({"mlflow_app_cpu": 0.3}, ["mlflow_app_cpu", "0.3", "0.25"]),
    ({"mlflow_app_cpu": 4.25, "mlflow_app_memory": "8.5Gi"}, ["mlflow_app_cpu", "4.25", "0.25 to 4"]),
    ({"mlflow_app_cpu": 0.5, "mlflow_app_memory": "4Gi"}, ["mlflow_app_memory: 4Gi", "mlflow_app_cpu 0.5", "1.0Gi"]),
    ({"mlflow_app_memory": "2GB"}, ["mlflow_app_memory", "'2GB'", "2Gi"]),
    ({"mlflow_app_port": 70000}, ["mlflow_app_port", "70000", "65535"]),
    ({"mlflow_app_workers": 0}, ["mlflow_app_workers", "0", "1 to 64"]),
    ({"mlflow_app_workers": 65}, ["mlflow_app_workers", "65", "1 to 64"]),
    ({"mlflow_app_min_replicas": 3}, ["mlflow_app_min_replicas", "3 and 1"]),
    ({"mlflow_app_max_replicas": 1001}, ["mlflow_app_max_replicas", "1001", "1 to 1000"]),
    (
        {"mlflow_app_environment": {"AZURE_STORAGE_ACCESS_KEY": "x"}},
        ["mlflow_app_environment", "AZURE_STORAGE_ACCESS_KEY"],
    ),
]


ROLES: list[str] = yaml.safe_load((CLONE / "playbooks" / "group_vars" / "all.yml").read_text(encoding="utf-8"))[
    "deployment_roles"
]
