"""gunicorn from the inside: the worker, its errors and its end. The only package that may import gevent.

Import it before anything that opens sockets: ``gunicorn.conf.py`` and ``AgentOS.start`` patch first.
"""
