"""The state of a request, carried on the request: for code that runs in another context."""

from __future__ import annotations

import re

from django.http import HttpRequest

from django_hook import faults
from perfctl.recording.state import STATE, RequestState

_LONGEST_NAME = 60


def state_of(request: HttpRequest | None) -> RequestState | None:
    """The state of a request, also of one that a framework has wrapped; else of this context."""
    state = getattr(request, "_perfctl_state", None)
    return state if isinstance(state, RequestState) else STATE.get()


def is_of(state: RequestState, request: HttpRequest) -> bool:
    """Whether a state is that of this request, and not of one that this one was made in."""
    return getattr(request, "_perfctl_state", None) is state


def name(request: HttpRequest, operation: str) -> None:
    """Record this request under its route and a name: a GraphQL operation, an RPC method.

    For names from the project's own code: at most 200 a route are told apart.
    """
    try:
        state = state_of(request)
        if state is not None:
            state.name = re.sub(r"\s+", " ", str(operation)).strip()[:_LONGEST_NAME] or None
    except Exception:
        faults.count("name")
