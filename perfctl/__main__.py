"""`perfctl`, and `python -m perfctl`.

Collections of garbage while modules are loaded find nothing and took 4 ms of the 80 that
`perfctl health` may take: they begin once the command runs.
"""

import gc

gc.disable()

from perfctl.cli import main  # noqa: E402  # after the collector is off

if __name__ == "__main__":
    main()
