"""The WSGI application: ``gunicorn -c gunicorn.conf.py wsgi:app``."""

from agentos.program import create_app

app = create_app()
