"""gunicorn from the inside: the worker, its errors and its end. The only package that may import gevent.

Import it before anything that opens sockets: whoever serves patches first (``gunicorn.conf.py``, ``AgentOS.start``).
"""
