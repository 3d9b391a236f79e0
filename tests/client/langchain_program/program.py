# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that users have: settings by dotenv, autolog, one call of Azure OpenAI by LangChain."""

from __future__ import annotations

import os

import mlflow
from dotenv import load_dotenv
from langchain_openai import AzureChatOpenAI

load_dotenv()
mlflow.set_experiment(os.environ["EXPERIMENT"])
mlflow.langchain.autolog()

model = AzureChatOpenAI(azure_deployment=os.environ["AZURE_OPENAI_DEPLOYMENT"])
print(model.invoke("How far is the moon?").content)
