"""What a person reads first: the lines to paste, the commands to try next."""

from __future__ import annotations

import shlex

from perfctl.console import Console
from perfctl.render.style import paint
from perfctl.visible import visible

_MIDDLEWARE = """\
INSTALLED_APPS = ["django_hook", ...]
MIDDLEWARE = [
    "django_hook.middleware.PerformanceMonitoringMiddleware",
    "django_hook.middleware.DatabaseQueryMonitoringMiddleware",
    "django_hook.middleware.APIPerformanceMiddleware",
    "django_hook.middleware.CachePerformanceMiddleware",
    ...,  # the project's own after them
]"""


def render_init(store: str, is_new: bool, program: str, console: Console) -> str:
    """Where the store is, and what a Django project needs to feed it."""
    done = "created" if is_new else "there already, left as it is"
    lines = [
        f"Store {visible(store)}: {done}.",
        "",
        paint("Paste into the Django settings:", "bold", console),
        "",
        _MIDDLEWARE,
        f"PERFCTL = {{'DB': {store!r}}}",
        "",
        paint("Let cron collect each minute:", "bold", console),
        "",
        f"* * * * * {program} --db {shlex.quote(store)} collect -q",
        "",
        "Then ask: perfctl health",
    ]
    return "\n".join(lines)


def render_next_steps(store: str, program: str, console: Console) -> str:
    """The commands to try after the demo."""
    steps = (
        (f"export PERFCTL_DB={visible(store)}", ""),
        (f"{program} database --n-plus-one", "the lines that ask once per row"),
        (f"{program} requests --failed", "single requests"),
        (f"{program} endpoints /items/audit/", "one route in full"),
        (f"{program} cache", "hit rates by key prefix"),
        (f"{program} summary --format json", "the same answers for a script"),
    )
    width = max(len(step) for step, what in steps if what)
    lines = ["", paint("Next, try", "bold", console)]
    for step, what in steps:
        comment = f"  {paint(f'# {what}', 'dim', console)}" if what else ""
        lines.append(f"  {step.ljust(width) if what else step}{comment}")
    return "\n".join(lines)
