"""The tools of the matrix: names, what installs them, rows. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """A tool, the targets of the Makefile that install it, and its rows as `module:class`."""

    name: str
    targets: tuple[str, ...]
    rows: tuple[str, ...]
    needs_node: bool = False


TOOLS = (
    Tool("aws", (".venv-clients-aws/.ready",), ("aws_cli:Deploy", "aws_cli:Stacks")),
    Tool(
        "cdk",
        (".venv-cdk/.ready", ".npm-clients-cdk/.ready"),
        ("cdk:Default", "cdk:Legacy", "cdk:CliCredentials", "cdk:Bootstrapless"),
        needs_node=True,
    ),
    Tool("sam", (".venv-clients-sam/.ready",), ("sam:Sam",)),
    Tool("sceptre", (".venv-clients-sceptre/.ready",), ("sceptre:Sceptre",)),
    Tool("ansible", (".venv-clients-ansible/.ready",), ("ansible:Ansible",)),
    Tool("runway", (".venv-clients-runway/.ready",), ("runway:Runway",)),
    Tool("sagemaker", (".venv-clients-sagemaker/.ready",), ("python_sdk:Register", "python_sdk:Core")),
    Tool("cloudcontrol", (), ("cloud_control:CloudControl",)),
)


def chosen(names: str) -> list[Tool]:
    """Return the tools that a list with commas names; all of them for an empty one.

    Raises:
        ValueError: there is no tool of a name.
    """
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = wanted - {tool.name for tool in TOOLS}
    if unknown:
        known = ", ".join(tool.name for tool in TOOLS)
        raise ValueError(f"CLIENTS has {', '.join(sorted(unknown))}; the tools are {known}")
    return [tool for tool in TOOLS if not wanted or tool.name in wanted]
