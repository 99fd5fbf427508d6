"""Build agentos-server-redis; everything that is known of it is in setup.cfg."""

from setuptools import setup

setup()
