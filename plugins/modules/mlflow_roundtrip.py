#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mlflow_roundtrip
short_description: Verify that an MLflow server stores and returns data correctly
version_added: 0.1.0
description:
  - Writes data to an MLflow server with MLflow's own client, reads it back, compares it, and deletes it.
  - The data is an experiment, a run with parameters, metrics and tags, an artifact, and a trace of a prompt with its response and token
    usage. Name, parameters and tags of the run have texts at MLflow's limits, and the trace has a long prompt, in Latin, Cyrillic, Chinese
    and emoji, because databases limit texts by bytes. The content is derived from O(experiment), O(artifact_size) and O(text), so that
    V(verified) can run later, on another machine, and without a record of what V(present) wrote.
  - The result lists each item that is lost or differs.
author:
  - mlops.mlflow_azure contributors (@mlops)
requirements:
  - mlflow-skinny >= 3.8.1, or mlflow
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row without anything changing in between, the second run changes nothing.
    support: full
options:
  tracking_uri:
    description:
      - URL of the MLflow server.
    type: str
    required: true
  experiment:
    description:
      - Prefix of the experiment's name. The module appends a random suffix, because MLflow does not release the name of a deleted
        experiment. It recognizes its own experiments by a tag and never touches others.
      - Use different prefixes for tasks that verify the same server at the same time.
    type: str
    required: true
  state:
    description:
      - V(present) writes the data, unless it exists. It first deletes data that an earlier run left incomplete or wrote with other options.
      - V(verified) reads all data back and fails if anything is lost or differs. It writes nothing.
      - V(absent) deletes the data. Traces and the content of artifacts are deleted permanently. MLflow's API marks the experiment and the
        run as deleted, hides them by default, and keeps them in its database. C(mlflow gc) on the server deletes them permanently.
    type: str
    choices: [present, verified, absent]
    default: present
  artifact_size:
    description:
      - Size of the artifact in bytes.
    type: int
    default: 10485760
  text:
    description:
      - Sample text in the scripts that users write, for a parameter, a tag, the prompt and the response.
      - A SQL Server database whose collation supports only Western European characters loses the default. Use V(Latin) for such a database.
      - With a text of ASCII letters, the texts at MLflow's limits have only ASCII letters too.
    type: str
    default: Prüfung 東京 🙂
  timeout:
    description:
      - Timeout of the task in seconds.
    type: int
    default: 300
notes:
  - Run the module where the users are and with the host name that they use. With C(delegate_to=localhost) it runs on the controller.
  - The module reads HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN,
    MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH from the environment. It ignores the other variables of MLflow and
    those of OpenTelemetry.
seealso:
  - name: mlflow gc
    description: Deletes experiments and runs that are marked as deleted.
    link: https://mlflow.org/docs/latest/api_reference/cli.html#mlflow-gc
"""

EXAMPLES = r"""
- name: Write
  mlops.mlflow_azure.mlflow_roundtrip:
    tracking_uri: "{{ tracking_uri }}"
    experiment: roundtrip

- name: Read the data back and compare it
  mlops.mlflow_azure.mlflow_roundtrip:
    tracking_uri: "{{ tracking_uri }}"
    experiment: roundtrip
    state: verified

- name: Delete the data
  mlops.mlflow_azure.mlflow_roundtrip:
    tracking_uri: "{{ tracking_uri }}"
    experiment: roundtrip
    state: absent
"""

RETURN = r"""
mlflow_roundtrip:
  description: The data on the server. Empty when it is absent. In check mode the ids of data that the task would write are missing.
  returned: success
  type: dict
  contains:
    experiment:
      description: Prefix of the experiment's name.
      returned: O(state=present) and O(state=verified)
      type: str
      sample: roundtrip
    compared:
      description: Names of the items that are read back and compared.
      returned: O(state=present) and O(state=verified)
      type: list
      elements: str
      sample: [run status, run name, parameter learning_rate, metric loss, artifact roundtrip.bin, trace prompt]
    experiment_id:
      description: Id of the experiment.
      returned: when it was written or read
      type: str
      sample: "1"
    run_id:
      description: Id of the run.
      returned: when it was written or read
      type: str
      sample: 0f2f7f3f7f8d4f3c9a5b1c2d3e4f5a6b
    trace_id:
      description: Id of the trace.
      returned: when it was just written or read
      type: str
      sample: tr-0f2f7f3f7f8d4f3c9a5b1c2d3e4f5a6b
error:
  description: Error message of the server for a request without which the module cannot continue.
  returned: failure, when a request failed
  type: str
  sample: The server is busy.
status:
  description: HTTP status of that request. Null without a response.
  returned: failure, when a request failed
  type: int
  sample: 503
lost:
  description: Items that could not be stored or that differ from what was written.
  returned: failure, when something is lost
  type: list
  elements: dict
  contains:
    what:
      description: Name of the item, one of RV(mlflow_roundtrip.compared) or V(experiment).
      type: str
      sample: artifact roundtrip.bin
    expected:
      description: Value that was written.
      type: raw
      sample: 10485760 bytes, sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    found:
      description: Value that was read. Null when there is none.
      type: raw
      sample: null
    error:
      description: Error message of the server. Null when there was no error.
      type: str
      sample: This request is not authorized to perform this operation using this permission.
    status:
      description: HTTP status of the server's response. Null when there was no error.
      type: int
      sample: 500
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._mlflow.roundtrip import OPTIONS, run


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    result = run(module.params, module.check_mode)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
