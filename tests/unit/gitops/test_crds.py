"""CRDs of an artifact: those of the version that is built, not of the chart's."""

from pathlib import Path

import pytest
import yaml

from forge.artifacts import pinfile
from forge.artifacts.cache import Cache
from forge.artifacts.pins import CrdPin, Pins
from forge.artifacts.progress import SILENT, Progress
from forge.gitops import crds
from forge.gitops.errors import TreeError

ROOT = Path(__file__).resolve().parents[3]
VERSIONS = pinfile.load(ROOT / pinfile.FILE)
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {"names": {"kind": "Application"}},
}


def test_they_are_those_of_the_built_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[CrdPin] = []

    def module(pin: CrdPin, _pins: Pins, _cache: Cache, _progress: Progress) -> Path:
        asked.append(pin)
        folder = tmp_path / "manifests/crds"
        folder.mkdir(parents=True)
        (folder / "a.yaml").write_text(yaml.safe_dump(DEFINITION))
        (folder / "kustomization.yaml").write_text("resources: [a.yaml]\n")
        return tmp_path

    monkeypatch.setattr(crds, "_module", module)
    found = crds.definitions("argocd", VERSIONS, Cache(tmp_path), SILENT)

    assert found == [DEFINITION]
    (pin,) = asked
    built = VERSIONS.artifact("argocd")
    assert built.module is not None
    assert (pin.version, pin.sum) == (built.version, built.module.sums[pin.module])


@pytest.mark.parametrize("name", ["cnpg", "minio", "nothing"])
def test_what_is_not_built_or_has_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=name):
        crds.definitions(name, VERSIONS, Cache(tmp_path), SILENT)
