"""Plain manifests of ``gitops/overlays``, applied where Argo CD does not run."""
