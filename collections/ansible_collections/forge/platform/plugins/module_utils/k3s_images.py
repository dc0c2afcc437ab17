# Copyright (c) The Forge contributors
# SPDX-License-Identifier: MIT
"""What containerd says about images, and the words that bring one in. Pure."""

# K3s's containerd and the kubelet share this namespace.
NAMESPACE = "k8s.io"
PINNED = "io.cri-containerd.pinned=pinned"  # the kubelet's clean-up leaves it


def list_command(program: str, reference: str) -> list[str]:
    """Return the command that shows one image."""
    return [program, "ctr", "-n", NAMESPACE, "images", "list", f"name=={reference}"]


def import_command(program: str, archive: str) -> list[str]:
    """Return the command that brings an archive's images in."""
    return [program, "ctr", "-n", NAMESPACE, "images", "import", "--local", archive]


def pin_command(program: str, reference: str) -> list[str]:
    """Return the command that keeps an image from the kubelet's clean-up."""
    return [program, "ctr", "-n", NAMESPACE, "images", "label", reference, PINNED]


def digest_of(listed: str, reference: str) -> str:
    """Return an image's digest in what ``ctr images list`` printed.

    Args:
        listed: A table with a heading; the columns are separated by blanks, and the
            first three are the name, the media type and the digest.
        reference: The image's whole name.

    Returns:
        ``sha256:`` and hex; empty if there is no such image.
    """
    for line in listed.splitlines()[1:]:
        name, _, digest = [*line.split(), "", "", ""][:3]
        if name == reference:
            return digest
    return ""
