"""Options that several commands share; what they mean is said once."""

from pathlib import Path
from typing import Annotated

import typer

PolicyOption = Annotated[
    str,
    typer.Option(
        "--policy",
        metavar="DIR|NAME",
        help="Folder of the policy, or forge or reference; default: ./clawlaw/policy "
        "where it is there, else forge.",
    ),
]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="Directory that the agent works in; default: this one.",
    ),
]
HomeOption = Annotated[
    str, typer.Option("--home", metavar="DIR", help="Home of the agent's user.")
]
ToolsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--tools",
        metavar="MAP",
        help="Tool map that teaches further tools; may be given more than once.",
    ),
]
PrincipalOption = Annotated[
    str,
    typer.Option(
        "--principal", metavar="NAME", help="Who acts; default: the policy's first."
    ),
]
NoSandboxOption = Annotated[
    bool,
    typer.Option(
        "--no-sandbox", help="No executor confines code: what runs it is asked about."
    ),
]
AdvisoryOption = Annotated[
    bool,
    typer.Option(
        "--advisory", help="The client performs it itself, not the gate's executor."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text.")
]
RecordsArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="Records, one a line; - is the input.")
]
