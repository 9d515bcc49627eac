#!/bin/sh
# What the tests need beside Python packages: a Python that users other than root can run.
set -eu
if ! su -s /bin/sh nobody -c 'python3 -c "import sys; sys.exit(sys.version_info < (3, 11))"' \
    2>/dev/null && [ "$(id -u)" = 0 ] && ! [ -x /usr/bin/python3 ]; then
    apt-get update -qq && apt-get install -qq -y python3 >/dev/null
fi
