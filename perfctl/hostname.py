"""The host that records are of."""

from __future__ import annotations

# Docker and Kubernetes runtimes name a container by its id, short or whole: two runs of one
# service are not two hosts.
_CONTAINER_ID_LENGTHS = (12, 64)


def name_host(configured: str, machine: str) -> tuple[str, str | None]:
    """The host that records are of, and the container's id where the name is one."""
    name = configured.strip() or machine
    if _is_container_id(name):
        return "local", name
    return name or "local", machine if _is_container_id(machine) else None


def _is_container_id(name: str) -> bool:
    return len(name) in _CONTAINER_ID_LENGTHS and set(name) <= set("0123456789abcdef")
