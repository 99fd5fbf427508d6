"""Build agentos-server-agno; everything that is known of it is in setup.cfg."""

from setuptools import setup

setup()
