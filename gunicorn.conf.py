"""How AgentOS is served: ``gunicorn -c gunicorn.conf.py wsgi:app``. ``AgentOS.start()`` reads this file too.

What a deployment chooses (address, workers, timeouts, log) are AgentOS's own settings, in its environment variables; a
flag of gunicorn's command line wins over a line here, but for those that break a promise: they are refused
(``agentos/serving/flags.py``). The reasons are beside the lines.
"""

# ruff: noqa: E402  # the order is the point

# Before all else: what is imported before the patches blocks a whole worker (psycopg) or breaks (ssl).
from gevent import monkey

monkey.patch_all()

import os

from agentos.observability.logs import configure_logging
from agentos.serving import addresses, deployment, descriptors, flags
from agentos.serving.application import serving_config
from agentos.serving.logger import Logger
from agentos.serving.worker import Worker

settings = serving_config()  # Not `config`: that is a setting of gunicorn's.
configure_logging(settings)

# --- where, and how many ---------------------------------------------------------------------------------------------

# AGENTOS_ADDRESS; with a port alone, IPv4 and IPv6. Another than this machine's is refused without AGENTOS_AUTH.
bind = addresses.bind_addresses(settings.address, addresses.ipv6_here())
backlog = 2048  # Connections that wait while all workers are at work; the kernel's own limit (somaxconn) may be lower.
workers = settings.workers  # AGENTOS_WORKERS or WEB_CONCURRENCY. One a core: each serves many connections, on one core.
worker_class = Worker  # gevent's worker, with JSON errors, a check of the patches, and a drain that ends every run.
open_files = descriptors.raise_limit()  # To the hard limit (ulimit -Hn); the usual 1024 would be 448 connections.
# AGENTOS_WORKER_CONNECTIONS, or what the open files are enough for. A stream holds its connection all along.
worker_connections = descriptors.connections(settings.worker_connections, open_files)

# --- no surprises ----------------------------------------------------------------------------------------------------

preload_app = False  # The application must be imported in the worker: database connections and threads die in a fork.
reload = False  # A reload cuts streams; restart instead.
max_requests = 0  # Never recycle a worker by count: that cuts its open streams, and makes others wait for seconds.
control_socket_disable = True  # It is on by default, in a place that all servers of a user share and take from another.
reuse_port = False  # One queue of connections for all workers; with one each, those of a worker that dies are lost.
sendfile = False  # Files are small here; gevent's worker would block on a slow disk.
memory = "/dev/shm"  # noqa: S108  # gunicorn makes an unnamed file of its own in it
worker_tmp_dir = memory if os.access(memory, os.W_OK) else None  # Heartbeats in memory: on a slow disk they block.

# --- how long --------------------------------------------------------------------------------------------------------

timeout = 120  # A worker's heartbeat, not a request's limit: one that computes for so long without a pause is replaced.
graceful_timeout = flags.least_graceful_timeout(
    settings
)  # AGENTOS_DRAIN_TIMEOUT, and 5 s to save the ends of cut runs.
keepalive = 75  # Longer than the 60 s of usual load balancers, so that they and not we end an idle connection.
# A header's time is AGENTOS_HEADER_TIMEOUT, a body's AGENTOS_REQUEST_TIMEOUT, an unread answer's AGENTOS_WRITE_TIMEOUT.

# --- what a client may send; beyond, the answer is a JSON error and the connection ends -------------------------------

limit_request_line = 8190  # Room for a long query; more is a mistake, or worse.
limit_request_fields = 100  # Browsers and proxies send about 30.
limit_request_field_size = 8190  # Room for large tokens and cookies.
http_parser = "python"  # The one in C takes folded fields and lines that end with LF: a way to smuggle requests.
header_map = "drop"  # `X_Real_IP` must not pass for `X-Real-IP`.
forwarder_headers = ""  # No header may rewrite the path that is asked for.
# X-Forwarded-Proto is believed from this machine alone; a proxy on another one is named in FORWARDED_ALLOW_IPS, which
# gunicorn reads by itself. Never set it to `*` where clients can connect without the proxy.

# --- the log ---------------------------------------------------------------------------------------------------------

logger_class = Logger  # gunicorn's lines in the form of ours (AGENTOS_LOG_FORMAT), on standard error.
loglevel = "debug" if settings.debug else settings.log_level  # AGENTOS_LOG_LEVEL.
accesslog = None  # The application writes one line a request: with the request id, without the query.
proc_name = "agentos"  # Shown by ps where setproctitle is installed.

# --- hooks -----------------------------------------------------------------------------------------------------------

on_starting = deployment.on_starting  # The master tells its workers whether all end or one, and when all are ready.
when_ready = on_reload = deployment.when_ready  # No worker serves where strangers could come in unasked.
post_fork = deployment.post_fork
on_exit = deployment.on_exit  # A failed start ends in one line that says why.
