# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The meaning of Azure's error codes, and remedies for the user.

Codes are those of Azure Resource Manager (https://aka.ms/arm-common-errors) and of the resource providers whose types
this collection manages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Remedy(NamedTuple):
    """The explanation of an error. meaning: one sentence; action: one sentence on the remedy."""

    meaning: str
    action: str

    def __str__(self) -> str:
        return f"{self.meaning} {self.action}"


_NO_ROLE = Remedy(
    "The identity that runs this task lacks the named action at that scope.",
    "Assign it a role that has the action (for resources Contributor, for role assignments Role Based Access Control "
    "Administrator); a new assignment can take minutes to work.",
)
_NO_SIGN_IN = Remedy("Azure does not accept the token.", "Check tenant_id, client_id and the credential.")
_THROTTLED = Remedy(
    "Azure throttles these requests; they are repeated as long as wait_timeout allows.",
    "Try again later, run fewer plays at a time, or raise wait_timeout.",
)
_BUSY = Remedy(
    "Another operation on the resource, or on one that it depends on, has not finished; the task waits for it as long "
    "as wait_timeout allows.",
    "Try again when that operation has ended, or raise wait_timeout.",
)
_AZURE_FAILED = Remedy(
    "Azure itself failed.", "Run the task again; if that does not help, see https://status.azure.com."
)
_QUOTA = Remedy(
    "The subscription's quota is used up.",
    "Ask for more quota, free some, or choose another location; the message names the limit.",
)
_TAKEN = Remedy("The name is taken, and it must be unique in all of Azure.", "Choose another name.")
_GONE = Remedy("There is no such resource.", "Check the names, resource_group and subscription_id.")
_LOCATION = Remedy(
    "Azure does not offer this there.", "Choose another location: the message or the products by region list them."
)
_ELSEWHERE = Remedy(
    "It exists in another location, and a location cannot change.", "Keep its location, or delete it first."
)
_INVALID = Remedy("Azure refuses a value of the request.", "Correct the option that the message names.")
_REGISTER = Remedy(
    "The resource provider is not registered in the subscription.",
    "Register it once: az provider register --namespace <namespace>.",
)
_SECRET_REFERENCE = Remedy("The app refers to a secret that it does not have.", "Add the secret to the app's secrets.")
_IMAGE_REFUSED = Remedy(
    "The image could not be pulled.",
    "Check image and registries, and that the identity given there has the role AcrPull on the registry; a new "
    "assignment can take minutes to work.",
)
_IN_USE = Remedy(
    "Another resource still uses it, or is part of it.", "Remove that resource first; the message names it."
)

BY_CODE = {
    # Authentication and authorization.
    "AuthenticationFailed": _NO_SIGN_IN,
    "AuthorizationFailed": _NO_ROLE,
    "ExpiredAuthenticationToken": Remedy("The token is too old.", "Check this machine's clock and try again."),
    "Forbidden": _NO_ROLE,
    "ForbiddenByConnection": Remedy(
        "The resource's network rules do not admit this machine.",
        "Run the task from an allowed network, or allow this one.",
    ),
    "ForbiddenByFirewall": Remedy(
        "The resource's firewall does not admit this machine's address.", "Allow the address that the message names."
    ),
    "ForbiddenByPolicy": Remedy(
        "The vault's access policies do not allow this.",
        "Add a policy for the identity that runs this task, or let roles decide (enable_rbac_authorization: true).",
    ),
    "ForbiddenByRbac": Remedy(
        "The identity that runs this task has no role on the vault's data.",
        "Assign it Key Vault Secrets Officer (to read values, Key Vault Secrets User) on the vault; a new assignment "
        "takes up to ten minutes to work.",
    ),
    "InvalidAuthenticationToken": Remedy(
        "The token is not one for this subscription's tenant.", "Check tenant_id and cloud_environment."
    ),
    "InvalidAuthenticationTokenTenant": Remedy(
        "The subscription belongs to another tenant.", "Check tenant_id and subscription_id."
    ),
    "LinkedAuthorizationFailed": Remedy(
        "The identity may change the resource but not use the one it refers to.",
        "Give it a role there too (for a user-assigned identity Managed Identity Operator), in the same tenant.",
    ),
    "ReadOnlyDisabledSubscription": Remedy("The subscription is disabled.", "Have its owner enable it again."),
    "RequestDisallowedByPolicy": Remedy(
        "An Azure Policy forbids this.", "Change what the policy is about, or ask its owner; the details name it."
    ),
    "RoleAssignmentUpdateNotPermitted": Remedy(
        "A role assignment cannot change its principal, role or scope.", "Delete it and create another."
    ),
    "ScopeLocked": Remedy("A lock forbids the change.", "Remove the lock, or ask its owner."),
    "SubscriptionNotFound": Remedy(
        "The subscription does not exist, or the identity has no role in it.",
        "Check subscription_id and tenant_id, and give the identity a role in the subscription.",
    ),
    "TasksOperationsNotAllowed": Remedy(
        "This subscription may not use ACR Tasks.", "Build with builder: docker, or ask Azure support."
    ),
    # Throttling, other operations, Azure's own failures.
    "429": _THROTTLED,
    "ResourceCollectionRequestsThrottled": _THROTTLED,
    "ResourceRequestsThrottled": _THROTTLED,
    "SubscriptionRequestsThrottled": _THROTTLED,
    "Throttled": _THROTTLED,
    "TooManyRequests": _THROTTLED,
    "AnotherOperationInProgress": _BUSY,
    "CanceledAndSupersededDueToAnotherOperation": Remedy(
        "Another client changed the resource meanwhile.", "Run the task again."
    ),
    "ConflictingDatabaseOperation": _BUSY,
    "ConflictingServerOperation": _BUSY,
    "OperationExpired": Remedy(
        "Azure gave up after its own time limit.", "Run the task again; see the details for why."
    ),
    "ReferencedResourceNotProvisioned": _BUSY,
    "ResourceGroupBeingDeleted": Remedy(
        "The resource group is being deleted.", "Wait until it is gone and create it again, or use another."
    ),
    "RetryableError": _BUSY,
    "StorageAccountIsNotProvisioned": _BUSY,
    "BadGatewayConnection": _AZURE_FAILED,
    "CreateSchemaFatalError": _AZURE_FAILED,
    "GatewayTimeout": _AZURE_FAILED,
    "InternalServerError": _AZURE_FAILED,
    "OperationIdNotFound": Remedy(
        "Azure has no record of the operation any more.", "Run the task again: it reads the current state."
    ),
    "ServerTimeout": _AZURE_FAILED,
    "ServiceUnavailable": _AZURE_FAILED,
    # Subscription, provider, location, quota.
    "InvalidResourceGroupLocation": _ELSEWHERE,
    "InvalidResourceLocation": _ELSEWHERE,
    "LocationNotAvailableForResourceGroup": _LOCATION,
    "LocationNotAvailableForResourceType": _LOCATION,
    "MissingRegistrationForLocation": Remedy(
        "The resource provider is not registered for this location.",
        "Register it again (az provider register --namespace <namespace>), or choose another location.",
    ),
    "MissingSubscriptionRegistration": _REGISTER,
    "MaxNumberOfGlobalEnvironmentsInSubExceeded": Remedy(
        "The subscription has as many environments as it may.", "Use an existing environment, or ask for more quota."
    ),
    "MaxNumberOfRegionalEnvironmentsInSubExceeded": Remedy(
        "The subscription has as many environments in this location as it may.",
        "Use an existing environment, another location, or ask for more quota.",
    ),
    "NoRegisteredProviderFound": Remedy(
        "The resource type is not offered in that location with this api-version.", "Choose another location."
    ),
    "ProvisioningDisabled": Remedy(
        "This subscription may not create Azure SQL there.", "Choose another location, or ask Azure support for access."
    ),
    "QuotaExceeded": _QUOTA,
    "RegionDoesNotAllowProvisioning": _LOCATION,
    "ServiceQuotaExceeded": _QUOTA,
    "SkuNotAvailable": _LOCATION,
    # Names, and resources that exist or are absent.
    "AlreadyInUse": _TAKEN,
    "NameAlreadyExists": _TAKEN,
    "StorageAccountAlreadyTaken": _TAKEN,
    "AccountNameInvalid": Remedy(
        "A storage account cannot have this name.", "Use 3 to 24 lowercase letters and digits."
    ),
    "VaultAlreadyExists": Remedy(
        "The name is taken, or reserved for a deleted vault.",
        "Choose another name, or recover or purge the deleted vault (az keyvault recover, az keyvault purge).",
    ),
    "ObjectIsDeletedButRecoverable": Remedy(
        "The name is reserved for a deleted secret.",
        "Set recover: true to get it back, or remove it for good (state: absent with purge: true), or choose another name.",
    ),
    "SecretDisabled": Remedy("The secret is disabled.", "Enable it (enabled: true) to read its value."),
    "ObjectIsBeingDeleted": _BUSY,
    "ObjectIsBeingRecovered": _BUSY,
    "ConflictError": Remedy(
        "The name is reserved for a deleted vault.",
        "Set recover: true to get it back, or remove it for good (state: absent with purge: true), or choose another name.",
    ),
    "AuthConfigNotFound": _GONE,
    "ContainerNotFound": _GONE,
    "DeletedVaultNotFound": _GONE,
    "ManagedEnvironmentStorageNotFound": _GONE,
    "NotFound": _GONE,
    "ResourceNotFound": _GONE,
    "RoleAssignmentNotFound": _GONE,
    "SecretNotFound": _GONE,
    "InvalidResourceType": Remedy(
        "This cloud does not have the resource type with this api-version.",
        "Check cloud_environment and resource_manager_endpoint.",
    ),
    "InvalidResourceNamespace": Remedy(
        "This cloud does not have the resource provider.", "Check cloud_environment and resource_manager_endpoint."
    ),
    "ManagedEnvironmentNotFound": Remedy(
        "There is no such environment.",
        "Create it first (mlops.mlflow_azure.container_app_environment), and check environment_id.",
    ),
    "ManagedEnvironmentNotProvisioned": Remedy(
        "The environment is not ready; the task waits for it as long as wait_timeout allows.",
        "Check whether it has failed (mlops.mlflow_azure.container_app_environment with wait: true reports it), or raise "
        "wait_timeout.",
    ),
    "ParentResourceNotFound": Remedy(
        "The parent of the resource does not exist, and did not appear within the time that the task waited for it.",
        "Create the parent first, and check its name.",
    ),
    "ResourceGroupNotFound": Remedy(
        "There is no such resource group.",
        "Create it first (mlops.mlflow_azure.resource_group), and check resource_group and subscription_id.",
    ),
    "WorkspaceNotFound": Remedy(
        "There is no such Log Analytics workspace.",
        "Create it first (mlops.mlflow_azure.log_analytics_workspace), and check the id.",
    ),
    "CannotDeleteResource": _IN_USE,
    "CertificateInUse": _IN_USE,
    "ContainerBeingDeleted": Remedy(
        "A container of that name is being deleted; that takes 30 seconds or more.", "Run the task again later."
    ),
    "InUseSubnetCannotBeDeleted": _IN_USE,
    # Role assignments.
    "InvalidPrincipalId": Remedy("The principal is no GUID.", "Give the object id of the principal as principal_id."),
    "PrincipalNotFound": Remedy(
        "Microsoft Entra ID does not have the principal (yet).",
        "Check principal_id, and give principal_type for a principal just created.",
    ),
    "RoleAssignmentExists": Remedy(
        "The principal has this role at this scope already, under another name.", "Nothing needs to be done."
    ),
    "RoleDefinitionDoesNotExist": Remedy(
        "There is no such role.", "Check role: a built-in role's name, or the GUID or id of a role of this tenant."
    ),
    "UnmatchedPrincipalType": Remedy(
        "The principal has another type than principal_type.", "Set principal_type to the type that the message names."
    ),
    # Requests that a resource provider refuses.
    "AuthConfigSecretRefNotFound": _SECRET_REFERENCE,
    "ContainerAppRegistriesPasswordSecretRefNotFound": _SECRET_REFERENCE,
    "ContainerAppSecretRefNotFound": _SECRET_REFERENCE,
    "ContainerAppSecretInvalid": Remedy(
        "A secret has no value.", "Give each secret a value, or a key_vault_url and an identity."
    ),
    "ContainerAppOperationError": Remedy(
        "The app could not be started as described.", "See the message and the app's logs."
    ),
    "InvalidParameterValueInContainerTemplate": Remedy(
        "Azure refuses a container of the app.", "Correct the field that the message names."
    ),
    "ProvisioningFailed": Remedy(
        "Azure accepted the resource but could not provision it.",
        "Correct what the reason names and run the task again: it then writes the resource again.",
    ),
    "OperationFailed": Remedy(
        "Azure ended the operation without success.", "Run the task again: it reads the current state."
    ),
    "FailedIdentityOperation": Remedy(
        "The identity of the resource cannot be used.",
        "Check that the user-assigned identity exists, and its id; one just created can take a minute to be known.",
    ),
    "FeatureNotSupportedForAccount": Remedy(
        "The account's kind or sku does not offer this.", "Choose another kind or sku."
    ),
    "InvalidVcoreValue": Remedy("The sku does not come with that many vCores.", "Choose another sku."),
    "PreconditionFailed": Remedy("Another client changed the resource meanwhile.", "Run the task again."),
    **dict.fromkeys(
        (
            "BadRequest",
            "InvalidParameter",
            "InvalidParameterValue",
            "InvalidRequestContent",
            "InvalidRequestPropertyValue",
            "InvalidStorageAccountImmutabilityPolicy",
            "InvalidValuesForRequestParameters",
            "LinkedInvalidPropertyId",
            "OperationNotAllowed",
            "PasswordNotComplex",
            "ValidationError",
        ),
        _INVALID,
    ),
    "DeploymentFailed": Remedy("A part of a deployment failed.", "See the details."),
    "InvalidTemplateDeployment": Remedy("A part of a deployment was refused.", "See the details."),
}
# Codes that are not specific enough: the message decides.
_BY_TEXT = (
    (
        re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest.*(unknown|not found)", re.IGNORECASE | re.DOTALL),
        Remedy("The registry has no such image.", "Check its repository, tag or digest."),
    ),
    (
        re.compile(
            r"unable to pull|pull image|ImagePull|\bimage\b.*(UNAUTHORIZED|DENIED|authentication required)",
            re.IGNORECASE | re.DOTALL,
        ),
        _IMAGE_REFUSED,
    ),
    (
        re.compile(r"Operation expired", re.IGNORECASE),
        Remedy("The app did not become ready in Azure's time.", "See the app's logs, and check image and registries."),
    ),
    (re.compile(r"exceed\w*\b.{0,80}\bquota|quota\b.{0,80}\bexceed", re.IGNORECASE | re.DOTALL), _QUOTA),
)
# Remedies for unknown codes and messages, by HTTP status.
_BY_STATUS = {
    0: BY_CODE["OperationFailed"],
    400: _INVALID,
    401: _NO_SIGN_IN,
    403: Remedy("The identity that runs this task is not allowed to do that.", "Check its credential and its roles."),
    404: _GONE,
    405: _INVALID,
    409: Remedy(
        "The state of the resource, or of one that it depends on, does not allow this.",
        "See the message; if something else is under way, try again when it has ended.",
    ),
    412: BY_CODE["PreconditionFailed"],
    415: _INVALID,
    422: _INVALID,
    429: _THROTTLED,
}


def remedy(status: int, codes: Iterable[str], message: str) -> Remedy:
    """Return the explanation of an error. codes: the most specific first, which are those of the inner errors."""
    for pattern, explanation in _BY_TEXT:
        if pattern.search(message):
            return explanation
    for code in codes:
        if code in BY_CODE:
            return BY_CODE[code]
        if code.endswith(("InProgress", "RetryableErrorDueToAnotherOperation")):
            return _BUSY
    return _BY_STATUS.get(status, _AZURE_FAILED if status >= 500 else BY_CODE["OperationFailed"])
