#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mlflow_roundtrip
short_description: Prove that an MLflow server keeps what it is given
version_added: 0.1.0
description:
  - Writes to an MLflow server with MLflow's own client, reads back from it and compares, and removes what was written.
  - What is written is an experiment, a run with parameters, metrics and tags, an artifact, and a trace of a prompt with
    its response and token usage. The content follows from O(experiment), O(artifact_size) and O(text), so that
    V(verified) can come later, from elsewhere, and without a record of what V(present) wrote.
  - What is lost is named, thing by thing.
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
      - The server's URL.
    type: str
    required: true
  experiment:
    description:
      - What the name of the experiment begins with. The module adds a random end, for MLflow does not give the name of a deleted
        experiment away again, and knows its own experiments by a tag. Others it never touches.
      - Two who verify the same server at the same time need a name each.
    type: str
    required: true
  state:
    description:
      - V(present) writes everything, unless it is there.
        What an earlier run of the task left unfinished, or wrote with other options, is removed first.
      - V(verified) reads everything back and fails if anything is lost. It writes nothing.
      - V(absent) removes everything. Traces and the bytes of artifacts are gone for good. MLflow's API keeps
        the experiment and the run, empty of them, in its database and marks them as deleted, where nobody sees them unless they ask for them.
        C(mlflow gc) on the server removes these.
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
      - A sample of the writing that users use, for a parameter, a tag, the prompt and the response.
      - The default is lost on a SQL Server database whose collation knows Western European characters only.
        Say V(Latin) if you have to live with that.
    type: str
    default: Prüfung 東京 🙂
  timeout:
    description:
      - Seconds until the task gives up.
    type: int
    default: 300
notes:
  - Run it where the users are, through the host name that they use. It runs on the controller with C(delegate_to=localhost).
  - HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE of the environment are honoured, and so are MLFLOW_TRACKING_USERNAME,
    MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH.
    MLflow's other variables, and those of OpenTelemetry, are not.
seealso:
  - name: mlflow gc
    description: How to remove for good what is marked as deleted.
    link: https://mlflow.org/docs/latest/api_reference/cli.html#mlflow-gc
"""

EXAMPLES = r"""
- name: Write
  mlops.mlflow_azure.mlflow_roundtrip:
    tracking_uri: "{{ tracking_uri }}"
    experiment: roundtrip

- name: Read it back and compare
  mlops.mlflow_azure.mlflow_roundtrip:
    tracking_uri: "{{ tracking_uri }}"
    experiment: roundtrip
    state: verified

- name: Leave nothing behind
  mlops.mlflow_azure.mlflow_roundtrip:
    tracking_uri: "{{ tracking_uri }}"
    experiment: roundtrip
    state: absent
"""

RETURN = r"""
mlflow_roundtrip:
  description: What is there now; empty when it is absent. In check mode the ids of what would be written are missing.
  returned: success
  type: dict
  contains:
    experiment:
      description: What the name of the experiment begins with.
      returned: O(state=present) and O(state=verified)
      type: str
      sample: roundtrip
    compared:
      description: What is read back and compared, by name.
      returned: O(state=present) and O(state=verified)
      type: list
      elements: str
      sample: [run status, parameter learning_rate, metric loss, artifact roundtrip.bin, trace prompt]
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
  description: The server's own text where a request failed that nothing else can be done without.
  returned: failure, when a request failed
  type: str
  sample: The server is busy.
status:
  description: The HTTP status of that request, null without an answer.
  returned: failure, when a request failed
  type: int
  sample: 503
lost:
  description: What could not be stored or is not as it was written.
  returned: failure, when something is lost
  type: list
  elements: dict
  contains:
    what:
      description: Its name, one of RV(mlflow_roundtrip.compared) or V(experiment).
      type: str
      sample: artifact roundtrip.bin
    expected:
      description: What was written.
      type: raw
      sample: 10485760 bytes, sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    found:
      description: What was read, null when there is nothing.
      type: raw
      sample: null
    error:
      description: The server's own text, null when it reported no error.
      type: str
      sample: This request is not authorized to perform this operation using this permission.
    status:
      description: The server's HTTP status, null when it reported no error.
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
