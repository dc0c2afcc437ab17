# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the module ``pf_anchor``: what is loaded, and what undoes it. Pure."""

import hashlib
import re
import shlex

LABEL = re.compile(r'label "(sha256:[0-9a-f]{32})"')


def digest(body: str) -> str:
    """Return what a loaded anchor says about where it came from."""
    return "sha256:" + hashlib.sha256(body.encode()).hexdigest()[:32]


def framed(body: str) -> str:
    """Return the file of an anchor: a rule that carries their digest, and its rules.

    pfctl shows rules in a form of its own and no comments, but labels as they are. The
    first rule is for nobody: no packet has this source and this destination.
    """
    return (
        "# Written by Ansible; a change made here is overwritten.\n"
        "pass in quick inet from 255.255.255.255 to 0.0.0.0 no state "
        f'label "{digest(body)}"\n'
        f"{body}"
    )


def loaded_digest(listing: str) -> str | None:
    """Return the digest in the output of ``pfctl -a NAME -s rules``."""
    found = LABEL.search(listing)
    return found[1] if found else None


def is_enabled(listing: str) -> bool:
    """Say whether pf filters, by the output of ``pfctl -s info``."""
    return re.search(r"^Status:\s+Enabled", listing, re.MULTILINE) is not None


def undo_script(name: str, path: str, kept: str | None, mark: str, seconds: int) -> str:
    """Return the shell words that bring the previous rules back unless confirmed.

    Args:
        name: The anchor's.
        path: Its file.
        kept: Copy of the file as it was before; None if there was none.
        mark: File whose removal confirms.
        seconds: How long to wait.
    """
    pfctl = f"/sbin/pfctl -a {shlex.quote(name)}"
    path, mark = shlex.quote(path), shlex.quote(mark)
    if kept is None:
        back = f"{pfctl} -F rules; rm -f {path}"
    else:
        kept = shlex.quote(kept)
        back = f"{pfctl} -f {kept}; cp {kept} {path}"
    return f"sleep {seconds}; if [ -e {mark} ]; then rm {mark}; {back}; fi"
