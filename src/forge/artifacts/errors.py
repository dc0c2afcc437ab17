"""What can go wrong between a pin and a file, by who has to act.

ForgeError
 ├── InputError
 │    ├── PinError           versions.yml is wrong: edit it
 │    └── UnresolvedError    a digest is not known yet: `make pins`
 ├── UnreachableError        the network refuses; a build may stand in
 ├── DownloadError           the server answered, but not with the pinned file
 │    └── ChecksumError      its bytes are not the pinned ones
 ├── BuildError              the Go build failed
 ├── ToolchainError          no usable Go toolchain
 └── CacheError              the cache cannot be written
      └── DamagedError       a cached entry is not what was stored
"""

from forge.errors import ForgeError, InputError


class PinError(InputError):
    """versions.yml or a go.mod made from it is wrong."""


class UnresolvedError(InputError):
    """A release digest is ``unresolved`` and nothing else can be used."""


class UnreachableError(ForgeError):
    """The network refuses an address; nothing was received."""


class DownloadError(ForgeError):
    """A server was reached and did not deliver the pinned file."""


class ChecksumError(DownloadError):
    """The bytes received are not the bytes pinned."""


class BuildError(ForgeError):
    """A build from source failed."""


class ToolchainError(ForgeError):
    """No Go toolchain that is new enough could be had."""


class CacheError(ForgeError):
    """The artifact cache cannot be used."""


class DamagedError(CacheError):
    """A cached entry differs from what was stored; it must be made again."""
