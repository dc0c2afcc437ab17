"""Images of the testbed's servers, made here: no container registry is needed.

A recipe in ``testbed/images/`` names pinned artifacts or Debian packages; an image is
an OCI archive of one layer, which containerd imports. The same inputs give the same
bytes.
"""

from forge.images.build import Image, ensure
from forge.images.recipe import Recipe, load_all

__all__ = ["Image", "Recipe", "ensure", "load_all"]
