"""`python -m perfctl`."""

from perfctl.cli import main

if __name__ == "__main__":
    main()
