"""The site for a server: `BENCH_FOLDER` holds its database, `BENCH_ARM` says who watches."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import hook

hook.begin_django(Path(os.environ["BENCH_FOLDER"]), os.environ["BENCH_ARM"])

from django.core.wsgi import get_wsgi_application  # noqa: E402  # Django must be set up
from django.db import connections  # noqa: E402

connections.close_all()  # before gunicorn forks its workers
application = get_wsgi_application()
