"""Files that only their owner may read."""

import os
import resource
import signal
from pathlib import Path

import pytest

from clawlaw import private
from clawlaw.private import PrivateFileError, create_private, read_private


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (pipe, tmp_path):
        with pytest.raises(PrivateFileError, match="not a regular file"):
            read_private(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PrivateFileError, match=r"none: No such file"):
        read_private(tmp_path / "none")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_private(path, b"x")
    os.chown(path, 65534, 65534)
    with pytest.raises(PrivateFileError, match="belongs to uid 65534"):
        read_private(path)


def test_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_private(path, bytes(private.MAX_BYTES + 1))
    with pytest.raises(PrivateFileError, match="larger than"):
        read_private(path)


def test_replacement_is_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "state"
    private.replace_private(path, b"one")
    private.replace_private(path, b"two")
    assert read_private(path) == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_replacement_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "state"
    private.replace_private(path, b"one")
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(PrivateFileError, match="File too large"):
            private.replace_private(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert read_private(path) == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["state"]
