"""Rules of K3s that Ansible's role asks about: versions, tokens, registration.

Pure: values in, findings or values out. A finding is one sentence with its remedy,
empty where there is nothing to say, and never holds the value of a secret.
"""

from forge.k3s.registration import registration_labels, registration_taints
from forge.k3s.tokens import token_finding
from forge.k3s.versions import InvalidVersionError, version_finding

__all__ = [
    "InvalidVersionError",
    "registration_labels",
    "registration_taints",
    "token_finding",
    "version_finding",
]
