"""The wheel alone is enough: it carries the policies, the profiles and the licence."""

import subprocess
import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parents[4] / "src" / "clawlaw"
POLICIES = Path(__file__).parents[4] / "policies"


def test_wheel_carries_policies_and_profiles(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
    subprocess.run([*build, tmp_path, SOURCE], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    for file in POLICIES.rglob("*.yaml"):
        assert f"clawlaw/policies/{file.relative_to(POLICIES)}" in names
    for file in (SOURCE / "profiles").glob("*.yaml"):
        assert f"clawlaw/profiles/{file.name}" in names
    assert "clawlaw/py.typed" in names
    assert not any(name.startswith("clawlaw/clawlaw") for name in names)
    # Run from the wheel, where no checkout stands beside it.
    done = subprocess.run(
        [sys.executable, "-m", "clawlaw", "init", "--json", str(tmp_path / "new")],
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
