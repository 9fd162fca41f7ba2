"""The entry point `legal-contracts`: the task `contract-qa`, which builds on the plugin sftcore-plugin-qa.

It is an entry point of its own so that the rest of sftcore-plugin-legal goes on where that plugin is missing or broken.
"""

from __future__ import annotations

from sftcore import Task, hookimpl

try:
    from sftcore_plugin_legal.contract_qa import ContractQA
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "sftcore_plugin_qa":
        raise
    raise ImportError("contract-qa needs one more plugin: pip install sftcore-plugin-qa") from error

__all__ = ["ContractQA"]


@hookimpl
def sftcore_register_tasks() -> list[type[Task]]:
    """The task `contract-qa`."""
    return [ContractQA]
