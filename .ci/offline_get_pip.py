# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts pip into an environment without downloading a script first.

ansible-test wants to download get-pip.py. This does what it asks of that script with the pip that Python brings, which
then fetches the release that ansible-test names from the package index.
"""

import ensurepip
import os
import subprocess
import sys

ensurepip.bootstrap(default_pip=True)
requested = [argument for argument in sys.argv[1:] if argument.startswith("pip==")]
if requested:
    # ensurepip has turned pip's own configuration off, which may name the index to use.
    environment = {name: value for name, value in os.environ.items() if name != "PIP_CONFIG_FILE"}
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *requested], check=True, env=environment)
