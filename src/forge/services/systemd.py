"""A service as a hardened unit of systemd.

Source: systemd.service(5), systemd.exec(5), systemd.resource-control(5) and, for how
words are quoted, systemd.service(5) "Command lines".
"""

from forge.services.model import Service

# A crash is followed by a start after 1 s; the pause grows to a minute in 6 steps, and
# starting is never given up: a host whose disk was full for an hour recovers by itself.
RESTART = """\
Restart=always
RestartSec=1s
RestartSteps=6
RestartMaxDelaySec=60s
"""

CONFINED = """\
UMask=0027
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""


def unit(service: Service) -> str:
    """Return the text of a service's unit."""
    limits = service.limits
    own = [
        "Type=exec",
        f"User={service.user}",
        f"Group={service.group}",
        f"WorkingDirectory={_specifiers(service.working_dir)}",
        *(
            f"Environment={_word(f'{key}={service.environment[key]}')}"
            for key in sorted(service.environment)
        ),
        "ExecStart=" + " ".join(_argument(word) for word in service.command),
        f"TimeoutStopSec={service.stop_seconds}s",
        f"LimitNOFILE={limits.nofile}",
    ]
    if limits.memory_mb:
        # Swap would only make it slow before it ends all the same.
        own += [f"MemoryMax={limits.memory_mb}M", "MemorySwapMax=0"]
    own += [f"ReadWritePaths={_word(folder)}" for folder in service.folders]
    if not service.writable_code:
        own.append("MemoryDenyWriteExecute=yes")
    return (
        "# Written by the role managed_service; changes made here are lost.\n"
        "[Unit]\n"
        f"Description={_specifiers(service.description)}\n"
        "Wants=network-online.target\nAfter=network-online.target\n"
        "StartLimitIntervalSec=0\n\n"
        "[Service]\n"
        + "".join(f"{line}\n" for line in own)
        + RESTART
        + CONFINED
        + "\n[Install]\nWantedBy=multi-user.target\n"
    )


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """Return one word in double quotes, for settings that take a list of words."""
    escaped = _specifiers(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _argument(text: str) -> str:
    """Return one argument of a command; ``$`` would name a variable there."""
    return _word(text).replace("$", "$$")
