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
  - Creates, updates and deletes an app of Azure Container Apps, and waits until its latest revision is ready.
  - An update sends the app as it stands with what the options say on top, so nothing that somebody else has set is lost.
  - Lists that are given (environment variables, secrets, registries, ...) are the whole lists. Their order does not count.
  - Where nothing is to be changed but the latest revision has failed, the task fails with Azure's reason. What has been mended
    outside the app is taken up by a restart, with M(mlops.mlflow_azure.container_app_revision).
  - A secret's new value reaches a running revision only by a restart, which this module does.
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
      - Name of the app. 2 to 32 lowercase letters, digits and single V(-), beginning with a letter.
    type: str
    required: true
  location:
    description:
      - Location of the app, which is that of its environment. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  revision_mode:
    description:
      - Whether one revision is active or several can be. Azure's default is V(Single).
    type: str
    choices: [Single, Multiple]
  max_inactive_revisions:
    description:
      - How many revisions that are not active stay, 0 to 100. Azure's default is 100.
    type: int
  ingress:
    description:
      - How requests reach the app. Without the option a new app takes none.
    type: dict
    suboptions:
      enabled:
        description:
          - V(false) takes the ingress away; then it has no other settings.
        type: bool
        default: true
      external:
        description:
          - Whether requests may come from outside the environment. Azure's default is V(false).
        type: bool
      target_port:
        description:
          - Port on which the container listens.
        type: int
      exposed_port:
        description:
          - Port under which a V(tcp) app is reached. Azure's default is the target port.
        type: int
      transport:
        description:
          - Protocol. Azure's default is V(auto).
        type: str
        choices: [auto, http, http2, tcp]
      allow_insecure:
        description:
          - Whether plain HTTP is answered, not redirected to HTTPS. Azure's default is V(false).
        type: bool
      client_certificate_mode:
        description:
          - Whether clients show a certificate, which the app finds in the header C(X-Forwarded-Client-Cert). Azure's default is V(ignore).
        type: str
        choices: [ignore, accept, require]
      sticky_sessions:
        description:
          - Whether a client's requests all go to the same replica. Only with O(revision_mode=Single). Azure's default is V(false).
        type: bool
      cors:
        description:
          - Which pages of other origins may ask the app from a browser. Without the option Azure's front adds no header.
        type: dict
        suboptions:
          enabled:
            description:
              - V(false) takes the policy away; then it has no other settings.
            type: bool
            default: true
          allowed_origins:
            description:
              - Origins, as V(https://example.org), or V(*) for any. At least one.
            type: list
            elements: str
          allowed_methods:
            description:
              - Methods, as V(GET), or V(*).
            type: list
            elements: str
          allowed_headers:
            description:
              - Headers that a request may have, or V(*).
            type: list
            elements: str
          expose_headers:
            description:
              - Headers of the answer that a page may see.
            type: list
            elements: str
          max_age:
            description:
              - Seconds for which a browser remembers the policy.
            type: int
          allow_credentials:
            description:
              - Whether a page may send cookies. Not together with the origin V(*). Azure's default is V(false).
            type: bool
      custom_domains:
        description:
          - The whole list of host names of one's own. Their DNS records must stand already.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Host name.
            type: str
            required: true
          certificate_id:
            description:
              - Id of a certificate of the environment.
            type: str
          binding_type:
            description:
              - V(SniEnabled) uses the certificate, V(Auto) has Azure make one, V(Disabled) uses none.
              - The default is V(SniEnabled) with O(ingress.custom_domains[].certificate_id) and V(Disabled) without.
            type: str
            choices: [Disabled, SniEnabled, Auto]
      additional_port_mappings:
        description:
          - The whole list of further TCP ports.
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
              - Port under which it is reached. Azure's default is the target port.
            type: int
          external:
            description:
              - Whether it is reached from outside the environment.
            type: bool
            default: false
      ip_security_restrictions:
        description:
          - The whole list of address rules. All have the same O(ingress.ip_security_restrictions[].action). Without a rule anybody may come.
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
              - Addresses, as V(203.0.113.0/24).
            type: str
            required: true
          action:
            description:
              - V(Allow) lets these in and nobody else, V(Deny) keeps these out.
            type: str
            choices: [Allow, Deny]
            default: Allow
          description:
            description:
              - Why the rule is there.
            type: str
      traffic:
        description:
          - How requests are spread over revisions; the weights sum to 100. Azure's default is all to the latest.
          - Each entry has either C(latest_revision=true) or a C(revision_name), which needs O(revision_mode=Multiple).
        type: list
        elements: dict
        suboptions:
          weight:
            description:
              - Percent of the requests.
            type: int
          revision_name:
            description:
              - Name of the revision, the app's name, V(--) and the suffix.
            type: str
          latest_revision:
            description:
              - Whether the latest revision is meant.
            type: bool
          label:
            description:
              - Label under which the revision has a host name of its own.
            type: str
  dapr:
    description:
      - The app's Dapr sidecar. Azure's default is none.
    type: dict
    suboptions:
      enabled:
        description:
          - V(false) takes the sidecar away; then it has no other settings.
        type: bool
        default: true
      app_id:
        description:
          - Name by which Dapr finds the app. Required unless O(dapr.enabled=false).
        type: str
      app_port:
        description:
          - Port on which the app listens for Dapr.
        type: int
      app_protocol:
        description:
          - Protocol between Dapr and the app. Azure's default is V(http).
        type: str
        choices: [http, grpc]
      http_max_request_size:
        description:
          - Largest body of a request in MB. Azure's default is 4.
        type: int
      http_read_buffer_size:
        description:
          - Largest size of the headers of a request in KB. Azure's default is 65.
        type: int
      log_level:
        description:
          - How much the sidecar logs. Azure's default is V(info).
        type: str
        choices: [debug, error, info, warn]
      enable_api_logging:
        description:
          - Whether the sidecar logs the calls of its API. Azure's default is V(false).
        type: bool
  scale:
    description:
      - How many replicas run.
    type: dict
    suboptions:
      min_replicas:
        description:
          - Fewest replicas, 0 to 1000. Azure's default is 0.
        type: int
      max_replicas:
        description:
          - Most replicas, 1 to 1000. Azure's default is 10.
        type: int
      cooldown_period:
        description:
          - Seconds without a trigger after which the last replica goes. Azure's default is 300.
        type: int
      polling_interval:
        description:
          - Seconds between two looks at a C(custom) rule. Azure's default is 30.
        type: int
      rules:
        description:
          - The whole list of rules. Each has exactly one of C(http), C(tcp) and C(custom).
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the rule. Lowercase letters, digits, V(-) and V(.).
            type: str
            required: true
          http:
            description:
              - Scale by requests, as C(metadata.concurrentRequests).
            type: dict
            suboptions:
              metadata: &metadata
                description:
                  - Settings of the rule; all values are strings.
                type: dict
              auth: &auth
                description:
                  - Secrets that the rule needs.
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
                      - Parameter that gets its value.
                    type: str
                    required: true
              identity: &identity
                description:
                  - Id of the managed identity with which the rule asks, or V(system).
                type: str
          tcp:
            description:
              - Scale by connections, as C(metadata.concurrentConnections).
            type: dict
            suboptions:
              metadata: *metadata
              auth: *auth
              identity: *identity
          custom:
            description:
              - Scale by a KEDA scaler.
            type: dict
            suboptions:
              type:
                description:
                  - Type of the KEDA scaler, as V(cpu), V(memory) or V(azure-servicebus).
                type: str
                required: true
              metadata: *metadata
              auth: *auth
              identity: *identity
  revision_suffix:
    description:
      - End of the name of the revision that this makes. Azure's default is one of its own. A suffix can be used once.
      - Lowercase letters, digits and single V(-), with the app's name at most 54 characters.
    type: str
  termination_grace_period_seconds:
    description:
      - Seconds that a replica has to end, 0 to 600. Azure's default is 30.
    type: int
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
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
- name: Run the tracking server
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

- name: Let a second replica help when there is much to do, and keep all else as it is
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
  description: The app as Azure describes it; empty when it is absent. In check mode what it would be. Never the value of a secret.
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
  description: What Azure said, where the task failed by it.
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
