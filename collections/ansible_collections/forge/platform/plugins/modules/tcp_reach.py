#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.tcp_reach``."""

DOCUMENTATION = r"""
module: tcp_reach
short_description: Try TCP connections and tell an answer from silence
version_added: "0.1.0"
author: The Forge contributors
description:
  - Tries to connect from the host that the task runs on, many targets at once, and
    closes each connection at once. Nothing is sent and nothing is changed.
  - A refused connection proves that the packet arrived; silence until the time-out is
    what a firewall that drops makes of it.
options:
  targets:
    description: Where to connect to. Other keys than these two are ignored.
    type: list
    elements: dict
    required: true
  timeout:
    description: Seconds to wait for each answer.
    type: float
    default: 1.5
  concurrency:
    description: Connections that are tried at the same time.
    type: int
    default: 256
attributes:
  check_mode:
    description: The module changes nothing, so check mode tries the same connections.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: See what of the boundary this node can reach
  forge.platform.tcp_reach:
    targets:
      - {address: 10.20.1.31, port: 22}
      - {address: 10.20.1.31, port: 8443}
  register: __example_reach
"""

RETURN = r"""
outcomes:
  description: One entry for each target, in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: As given.
      type: str
    port:
      description: As given.
      type: int
    result:
      description:
        - V(connected), V(refused), V(dropped) for no answer in time, or V(unroutable)
          where this host has no way to the address.
      type: str
"""

import asyncio
import errno
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

UNROUTABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}


async def attempt(address: str, port: int, seconds: float) -> str:
    """Return what becomes of one connection attempt within some seconds."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return "dropped"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        if error.errno in UNROUTABLE:
            return "unroutable"
        raise
    writer.close()
    return "connected"


async def attempt_all(
    targets: Sequence[dict[str, Any]], seconds: float, concurrency: int
) -> list[dict[str, Any]]:
    """Return the outcome of each target, in order."""
    gate = asyncio.Semaphore(concurrency)

    async def one(target: dict[str, Any]) -> dict[str, Any]:
        async with gate:
            result = await attempt(target["address"], target["port"], seconds)
        return {**target, "result": result}

    return await asyncio.gather(*(one(target) for target in targets))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "targets": {"type": "list", "elements": "dict", "required": True},
            "timeout": {"type": "float", "default": 1.5},
            "concurrency": {"type": "int", "default": 256},
        },
        supports_check_mode=True,
    )
    targets = []
    for position, target in enumerate(module.params["targets"]):
        try:
            port = int(target["port"])
            targets.append({"address": str(target["address"]), "port": port})
        except (KeyError, TypeError, ValueError) as error:
            need = f"targets[{position}]: need address and port, got {target!r}"
            module.fail_json(msg=f"{need} ({error})")
    outcomes = asyncio.run(
        attempt_all(targets, module.params["timeout"], module.params["concurrency"])
    )
    module.exit_json(changed=False, outcomes=outcomes)


if __name__ == "__main__":
    main()
