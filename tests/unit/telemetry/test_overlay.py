"""The testbed's ConfigMaps hold the files that they are made from."""

from pathlib import Path

import yaml

from forge.telemetry import overlay, rules

ROOT = Path(__file__).resolve().parents[3]


def test_the_manifests_are_made_from_rules_and_routing() -> None:
    for path, text in overlay.files(ROOT).items():
        assert (ROOT / path).read_text() == text, (
            "run `forge telemetry overlay --write`"
        )


def test_a_config_map_gives_the_file_back() -> None:
    content = "a: 1  # why\n\nb: |\n  text\n"
    said = yaml.safe_load(overlay.config_map("name", {"file.yml": content}, "folder"))
    assert said["data"] == {"file.yml": content}
    assert said["metadata"] == {"name": "name", "namespace": "monitoring"}


def test_prometheus_reads_every_group_of_rules() -> None:
    files = {path.parent.name: text for path, text in overlay.files(ROOT).items()}
    text = yaml.safe_load(files["rules"])["data"]["forge.yml"]
    assert yaml.safe_load(text)["groups"] == rules.groups(ROOT / rules.RULES)


def test_prometheus_mounts_the_rules_by_their_name() -> None:
    overlays = ROOT / "gitops/overlays/testbed"
    files = {path.parent.name: text for path, text in overlay.files(ROOT).items()}
    name = yaml.safe_load(files["rules"])["metadata"]["name"]
    objects = list(
        yaml.safe_load_all((overlays / "prometheus/prometheus.yaml").read_text())
    )
    server = next(item for item in objects if item["kind"] == "Deployment")
    spec = server["spec"]["template"]["spec"]
    volume = next(v for v in spec["volumes"] if v["name"] == "rules")
    # In the core profile nobody brings them.
    assert volume["configMap"] == {"name": name, "optional": True}
    mount = next(
        m for m in spec["containers"][0]["volumeMounts"] if m["name"] == "rules"
    )
    settings = next(item for item in objects if item["kind"] == "ConfigMap")
    said = yaml.safe_load(settings["data"]["prometheus.yml"])
    assert said["rule_files"] == [f"{mount['mountPath']}/*.yml"]
