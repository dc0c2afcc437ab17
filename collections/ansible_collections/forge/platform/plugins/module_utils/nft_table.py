# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the module ``nft_table``: what is loaded, and what undoes it. Pure.

A table is replaced within one transaction of nft: declared, so that it exists;
deleted; declared anew with its content. Other tables are not named and so not touched.
"""

import hashlib
import json
import shlex


def framed(family: str, name: str, body: str) -> str:
    """Return a file for ``nft -f`` that replaces one table and no other.

    Args:
        family: Address family, such as ``inet``.
        name: The table's name.
        body: What stands between the table's braces.
    """
    table = f"table {family} {name}"
    lines = "".join(f"\t{line}\n" if line else "\n" for line in body.splitlines())
    return (
        "# Written by Ansible; a change made here is overwritten.\n"
        f"{table}\ndelete {table}\n\n"
        f'{table} {{\n\tcomment "{digest(body)}"\n\n{lines}}}\n'
    )


def digest(body: str) -> str:
    """Return what a loaded table says in its comment about where it came from."""
    return "sha256:" + hashlib.sha256(body.encode()).hexdigest()[:32]


def loaded_digest(listing: str) -> str | None:
    """Return the comment of the table in the output of ``nft -j list table``."""
    for entry in json.loads(listing)["nftables"]:
        if "table" in entry:
            comment: str | None = entry["table"].get("comment")
            return comment
    return None


def undo_rules(family: str, name: str, previous: str | None) -> str:
    """Return a file for ``nft -f`` that brings the previous table back.

    Args:
        family: Address family.
        name: The table's name.
        previous: Output of ``nft -s list table``; None if there was no table.
    """
    table = f"table {family} {name}"
    return f"{table}\ndelete {table}\n{previous or ''}"


def undo_script(rules: str, path: str, kept: str | None) -> str:
    """Return the shell words that undo a load: in the kernel, and on the disk.

    Args:
        rules: File made from ``undo_rules``.
        path: The table's own file.
        kept: Copy of the own file as it was before; None if there was none.
    """
    rules, path = shlex.quote(rules), shlex.quote(path)
    restore = f"cp {shlex.quote(kept)} {path}" if kept else f"rm -f {path}"
    return f"nft -f {rules}; {restore}"
