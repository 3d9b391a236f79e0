#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app
short_description: Manage a container app
version_added: 0.1.0
description:
  - Creates, updates and deletes a container app in Azure Container Apps, and waits until its latest revision is ready.
  - An update sends the current app overlaid with the given options, so it keeps the properties that others have set.
  - A list option (environment variables, secrets, registries and others) is the complete list. The order of its entries is not compared.
  - If nothing has to change but the latest revision has failed, the task fails with Azure's reason. After a repair outside the app, restart
    the revision with M(mlops.mlflow_azure.container_app_revision).
  - A running revision reads the new value of a secret only after a restart. The module restarts the revision when the value of a secret
    changes.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.container_template
  - mlops.mlflow_azure.resource.identity
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-appcontainers
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the container app. 2 to 32 lowercase letters, digits and hyphens, beginning with a letter, without consecutive hyphens.
    type: str
    required: true
  location:
    description:
      - Location of the container app, equal to the location of its environment. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  revision_mode:
    description:
      - Revision mode. V(Single) keeps one revision active, V(Multiple) allows several active revisions. Azure's default is V(Single).
    type: str
    choices: [Single, Multiple]
  max_inactive_revisions:
    description:
      - Number of inactive revisions that Azure keeps, 0 to 100. Azure's default is 100.
    type: int
  ingress:
    description:
      - Ingress of the app. Without this option a new app has no ingress.
    type: dict
    suboptions:
      enabled:
        description:
          - V(false) disables ingress and removes its settings. Do not combine it with other ingress settings.
        type: bool
        default: true
      external:
        description:
          - Whether the ingress accepts requests from outside the environment. Azure's default is V(false).
        type: bool
      target_port:
        description:
          - Port on which the container listens.
        type: int
      exposed_port:
        description:
          - Port on which clients reach an app with V(tcp) transport. Azure's default is the target port.
        type: int
      transport:
        description:
          - Transport protocol of the ingress. Azure's default is V(auto).
        type: str
        choices: [auto, http, http2, tcp]
      allow_insecure:
        description:
          - Whether the ingress serves plain HTTP. With V(false) it redirects HTTP to HTTPS. Azure's default is V(false).
        type: bool
      client_certificate_mode:
        description:
          - Client certificate mode. Azure passes the client's certificate to the app in the header C(X-Forwarded-Client-Cert). Azure's
            default is V(ignore).
        type: str
        choices: [ignore, accept, require]
      sticky_sessions:
        description:
          - Whether session affinity routes all requests of a client to the same replica. Requires O(revision_mode=Single). Azure's default
            is V(false).
        type: bool
      cors:
        description:
          - CORS policy of the ingress. Without this option the ingress adds no CORS headers.
        type: dict
        suboptions:
          enabled:
            description:
              - V(false) removes the CORS policy. Do not combine it with other CORS settings.
            type: bool
            default: true
          allowed_origins:
            description:
              - Allowed origins, for example V(https://example.org), or V(*) for any origin. At least one entry.
            type: list
            elements: str
          allowed_methods:
            description:
              - Allowed HTTP methods, for example V(GET), or V(*) for any method.
            type: list
            elements: str
          allowed_headers:
            description:
              - Allowed request headers, or V(*) for any header.
            type: list
            elements: str
          expose_headers:
            description:
              - Response headers that the browser exposes to a page.
            type: list
            elements: str
          max_age:
            description:
              - Number of seconds for which a browser caches the preflight response.
            type: int
          allow_credentials:
            description:
              - Whether cross-origin requests may carry credentials such as cookies. Not allowed together with the origin V(*). Azure's
                default is V(false).
            type: bool
      custom_domains:
        description:
          - The complete list of custom domains. The DNS records must exist before the task runs.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Host name of the custom domain.
            type: str
            required: true
          certificate_id:
            description:
              - Resource id of a certificate of the environment.
            type: str
          binding_type:
            description:
              - V(SniEnabled) uses the certificate, V(Auto) lets Azure issue a managed certificate, V(Disabled) uses no certificate.
              - The default is V(SniEnabled) with O(ingress.custom_domains[].certificate_id) and V(Disabled) without it.
            type: str
            choices: [Disabled, SniEnabled, Auto]
      additional_port_mappings:
        description:
          - The complete list of additional TCP ports.
        type: list
        elements: dict
        suboptions:
          target_port:
            description:
              - Port on which the container listens.
            type: int
            required: true
          exposed_port:
            description:
              - Port on which clients reach the target port. Azure's default is the target port.
            type: int
          external:
            description:
              - Whether the port accepts connections from outside the environment.
            type: bool
            default: false
      ip_security_restrictions:
        description:
          - The complete list of IP security restrictions. All entries must have the same O(ingress.ip_security_restrictions[].action).
            Without entries every address is allowed.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the rule.
            type: str
            required: true
          ip_address_range:
            description:
              - IPv4 address range in CIDR notation, for example V(203.0.113.0/24).
            type: str
            required: true
          action:
            description:
              - V(Allow) allows these addresses and denies all others. V(Deny) denies these addresses and allows all others.
            type: str
            choices: [Allow, Deny]
            default: Allow
          description:
            description:
              - Description of the rule.
            type: str
      traffic:
        description:
          - Traffic weights of the revisions. The weights must sum to 100. By default Azure routes all traffic to the latest revision.
          - Each entry has either C(latest_revision=true) or C(revision_name). C(revision_name) requires O(revision_mode=Multiple).
        type: list
        elements: dict
        suboptions:
          weight:
            description:
              - Percentage of the requests.
            type: int
          revision_name:
            description:
              - Name of the revision, which is the name of the app, V(--) and the revision suffix.
            type: str
          latest_revision:
            description:
              - Whether the entry refers to the latest revision.
            type: bool
          label:
            description:
              - Label of the revision. Each label has its own host name.
            type: str
  dapr:
    description:
      - Dapr sidecar of the app. By default Azure adds no sidecar.
    type: dict
    suboptions:
      enabled:
        description:
          - V(false) removes the sidecar. Do not combine it with other Dapr settings.
        type: bool
        default: true
      app_id:
        description:
          - Dapr application id. Required unless O(dapr.enabled=false).
        type: str
      app_port:
        description:
          - Port on which the app listens for requests from Dapr.
        type: int
      app_protocol:
        description:
          - Protocol that Dapr uses to call the app. Azure's default is V(http).
        type: str
        choices: [http, grpc]
      http_max_request_size:
        description:
          - Maximum size of a request body in MB. Azure's default is 4.
        type: int
      http_read_buffer_size:
        description:
          - Maximum size of the request headers in KB. Azure's default is 65.
        type: int
      log_level:
        description:
          - Log level of the sidecar. Azure's default is V(info).
        type: str
        choices: [debug, error, info, warn]
      enable_api_logging:
        description:
          - Whether the sidecar logs the calls of its API. Azure's default is V(false).
        type: bool
  scale:
    description:
      - Scale settings of the app.
    type: dict
    suboptions:
      min_replicas:
        description:
          - Minimum number of replicas, 0 to 1000. Azure's default is 0.
        type: int
      max_replicas:
        description:
          - Maximum number of replicas, 1 to 1000. Azure's default is 10.
        type: int
      cooldown_period:
        description:
          - Cooldown period in seconds. Azure removes the last replica when no scale rule has been active for this time. Azure's default is
            300.
        type: int
      polling_interval:
        description:
          - Interval in seconds at which Azure polls the C(custom) rules. Azure's default is 30.
        type: int
      rules:
        description:
          - The complete list of scale rules. Each rule has exactly one of C(http), C(tcp) and C(custom).
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the rule. Lowercase letters, digits, hyphens and dots.
            type: str
            required: true
          http:
            description:
              - Scale on concurrent HTTP requests, set as C(metadata.concurrentRequests).
            type: dict
            suboptions:
              metadata: &metadata
                description:
                  - Metadata of the rule. All values are strings.
                type: dict
              auth: &auth
                description:
                  - Secrets with which the rule authenticates.
                type: list
                elements: dict
                suboptions:
                  secret_ref:
                    description:
                      - Name of the secret.
                    type: str
                    required: true
                  trigger_parameter:
                    description:
                      - Trigger parameter that receives the value of the secret.
                    type: str
                    required: true
              identity: &identity
                description:
                  - Resource id of the managed identity with which the rule authenticates, or V(system).
                type: str
          tcp:
            description:
              - Scale on concurrent TCP connections, set as C(metadata.concurrentConnections).
            type: dict
            suboptions:
              metadata: *metadata
              auth: *auth
              identity: *identity
          custom:
            description:
              - Scale with a KEDA scaler.
            type: dict
            suboptions:
              type:
                description:
                  - Type of the KEDA scaler, for example V(cpu), V(memory) or V(azure-servicebus).
                type: str
                required: true
              metadata: *metadata
              auth: *auth
              identity: *identity
  revision_suffix:
    description:
      - Suffix of the name of the new revision. By default Azure generates one. A suffix can be used only once.
      - Lowercase letters, digits and hyphens, without consecutive hyphens. At most 54 characters together with the name of the app.
    type: str
  termination_grace_period_seconds:
    description:
      - Termination grace period of a replica in seconds, 0 to 600. Azure's default is 30.
    type: int
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 900
seealso:
  - name: Container Apps - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/container-apps/create-or-update
  - module: mlops.mlflow_azure.container_app_environment
  - module: mlops.mlflow_azure.container_app_revision
"""

EXAMPLES = r"""
- name: Create the tracking server
  mlops.mlflow_azure.container_app:
    resource_group: rg-mlflow
    name: ca-mlflow
    location: westeurope
    environment_id: "{{ app_environment.container_app_environment.id }}"
    identity:
      type: UserAssigned
      user_assigned_identities: ["{{ identity.user_assigned_identity.id }}"]
    registries:
      - server: crmlflow42.azurecr.io
        identity: "{{ identity.user_assigned_identity.id }}"
    secrets:
      - name: backend-store-uri
        value: "{{ backend_store_uri }}"
    ingress:
      external: true
      target_port: 5000
      ip_security_restrictions:
        - name: office
          ip_address_range: 203.0.113.0/24
    containers:
      - name: mlflow
        image: "{{ image.container_image.reference }}"
        cpu: 1
        memory: 2Gi
        env:
          - name: MLFLOW_BACKEND_STORE_URI
            secret_ref: backend-store-uri
        probes:
          - type: Readiness
            http_get:
              path: /health
              port: 5000
    scale:
      min_replicas: 1
      max_replicas: 1

- name: Scale to two replicas under load and keep all other settings
  mlops.mlflow_azure.container_app:
    resource_group: rg-mlflow
    name: ca-mlflow
    location: westeurope
    scale:
      max_replicas: 2
      rules:
        - name: requests
          http:
            metadata:
              concurrentRequests: "50"
"""

RETURN = r"""
container_app:
  description: The container app as Azure returns it, without the values of secrets. Empty when the app is absent. In check mode the
    expected app.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/containerapps/ca-mlflow
    location: West Europe
    name: ca-mlflow
    properties:
      configuration:
        ingress:
          fqdn: ca-mlflow.nicesea-0a1b2c3d.westeurope.azurecontainerapps.io
      latestRevisionName: ca-mlflow--0000001
      provisioningState: Succeeded
    type: Microsoft.App/containerApps
error:
  description: Azure's error message.
  returned: failure
  type: dict
  sample:
    code: ContainerAppOperationError
    message: Failed to provision revision
    status: 0
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.app import ContainerApp
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerApp


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
