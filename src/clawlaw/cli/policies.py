"""Which policy a command judges under, and what its variables stand for."""

from dataclasses import dataclass, field
from pathlib import Path

from clawlaw.core.policy import Policy
from clawlaw.policy.builtin import NAMES, builtin
from clawlaw.policy.compile import Compiler, compile_policy, read_folder
from clawlaw.policy.document import Loaded, decode_document
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.paths import Bindings

LOCAL = "clawlaw"  # folder that `init` makes
FALLBACK = "forge"


def find_policy(said: str) -> Path:
    """The folder of a policy: said, or that of this folder, or the Forge's.

    Args:
        said: A folder, the name of a policy that comes with the gate, or "".

    Raises:
        PolicyError: No such folder or name.
    """
    if not said:
        local = Path(LOCAL, "policy")
        return local if local.is_dir() else builtin(FALLBACK)
    if said in NAMES and not Path(said).is_dir():
        return builtin(said)
    if not Path(said).is_dir():
        names = ", ".join(NAMES)
        raise PolicyError(
            said, 0, f"no such folder, and no policy of the gate: {names}"
        )
    return Path(said)


@dataclass
class PolicyLoader:
    """Documents that were read once, to be compiled for any workspace.

    Attributes:
        folder: Of the policy.
        maps: Tool maps that are judged with it.
    """

    folder: Path
    maps: tuple[Path, ...] = ()
    _documents: list[Loaded] = field(default_factory=list)
    _tested: Policy | None = None

    def documents(self) -> list[Loaded]:
        """Every document, read once.

        Raises:
            PolicyError: One is not understood.
            OSError: One cannot be read.
        """
        if not self._documents:
            read = read_folder(self.folder)
            read += [decode_document(str(m), m.read_bytes()) for m in self.maps]
            self._documents = read
        return self._documents

    def load(self, workspace: str, home: str) -> Policy:
        """Compile the policy for one workspace.

        The examples of its rules are held once, for the workspace that they were
        written for: in another one (`/tmp/x`) an outside of theirs may be inside.

        Raises:
            PolicyError: What is wrong with it, with file and line.
            OSError: A document cannot be read.
        """
        if self._tested is None:
            self._tested = compile_policy(self.documents(), Bindings())
        folder = self.folder.resolve()
        # A policy that agents could write would be theirs.
        bindings = Bindings((workspace,), home)
        if folder.is_relative_to(workspace):
            bindings = Bindings((workspace,), home, policy=(str(folder),))
        if bindings == Bindings():
            return self._tested
        return Compiler(self.documents(), bindings).policy()
