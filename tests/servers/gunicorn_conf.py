"""What every gunicorn of the tests is told; a name that an older one does not know is passed over."""

control_socket_disable = True
graceful_timeout = 5
