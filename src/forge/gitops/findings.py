"""What a check of the GitOps tree says, and the order in which it is said."""

from collections.abc import Iterable

import msgspec

from forge.gitops.errors import TreeError


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing that is wrong with a file of the tree.

    Attributes:
        file: Path from the checkout.
        where: Object or key inside it, such as ``Deployment/minio``.
        check: Name of the check, as in docs/gitops.md.
        message: What is wrong and what to do; one sentence, no final stop.
    """

    file: str
    where: str
    check: str
    message: str

    def text(self) -> str:
        """Return one line for people."""
        return f"{self.file}: {self.where}: {self.message} [{self.check}]"


class InvalidTreeError(TreeError):
    """The tree is invalid; the message lists every finding."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Keep the findings, in their stable order."""
        self.findings = tuple(sorted(findings))
        count = len(self.findings)
        noun = "finding" if count == 1 else "findings"
        super().__init__(
            "\n".join(
                [
                    f"{count} {noun} in gitops/:",
                    *(each.text() for each in self.findings),
                ]
            )
        )
