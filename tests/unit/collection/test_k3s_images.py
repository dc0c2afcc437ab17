"""What containerd prints of images, and the words that bring one in."""

from importlib import import_module

UTILS = "ansible_collections.forge.platform.plugins.module_utils"
k3s_images = import_module(f"{UTILS}.k3s_images")

LISTED = """REF TYPE DIGEST SIZE PLATFORMS LABELS
forge.local/registry:v3.1.2 application/vnd.oci.image.manifest.v1+json sha256:4e8 52.1 MiB linux/amd64 io.cri-containerd.image=managed
"""  # noqa: E501 - one line of the tool's table


def test_an_image_is_found_by_its_whole_name() -> None:
    assert k3s_images.digest_of(LISTED, "forge.local/registry:v3.1.2") == "sha256:4e8"
    assert k3s_images.digest_of(LISTED, "forge.local/registry:v3") == ""
    assert k3s_images.digest_of("", "forge.local/registry:v3.1.2") == ""


def test_every_command_is_for_the_kubelets_namespace() -> None:
    for command in (
        k3s_images.list_command("k3s", "r"),
        k3s_images.import_command("k3s", "/a.tar"),
        k3s_images.pin_command("k3s", "r"),
    ):
        assert command[:4] == ["k3s", "ctr", "-n", "k8s.io"]
    assert k3s_images.list_command("k3s", "r")[-1] == "name==r"
