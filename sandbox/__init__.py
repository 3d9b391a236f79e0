# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure on this machine: what the collection's plays, and any other Azure client, can be run against without an account.

The command line (`python -m sandbox`) needs only Python's standard library. The server behind it runs in an environment
of its own, which the command line makes.
"""
