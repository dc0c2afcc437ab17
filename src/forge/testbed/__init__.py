"""The testbed: the whole Forge in small, of real parts, on one Linux machine.

Data path: ``State`` (identity and subnets of this checkout) and the inventory give a
``Room`` (wires and hosts), which ``factory`` makes real through podman; ``overlay``
tells Ansible where the hosts are; ``run`` drives the playbooks.
"""
