"""Ansible's own way to a collection: the folder that holds ansible_collections."""

import sys
from pathlib import Path

COLLECTIONS = str(Path(__file__).parents[3] / "collections")

if COLLECTIONS not in sys.path:
    sys.path.insert(0, COLLECTIONS)
