"""The console in a real browser, against the real server: ``make browser``.

``demo.py`` is an application for everything that the console shows; ``python -m browser`` serves it to look at.
"""
