"""gunicorn's settings for the floor: those of the checkout's gunicorn.conf.py that are not AgentOS's own."""

from gevent import monkey

monkey.patch_all()

import os

bind = "127.0.0.1:0"
workers = 1
worker_class = "gevent"
worker_connections = 2000
backlog = 2048
keepalive = 75
timeout = 120
control_socket_disable = True
http_parser = "python"
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
accesslog = None
