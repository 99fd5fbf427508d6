# The server in an image: `docker build -t agentos .`, then see docs/how-to/docker.md.

# --- build: everything goes into one virtual environment -------------------------------------------------------------
FROM python:3.13-slim AS build

# 1 adds the small local model, 110 MB, for trying things without a key.
ARG LOCAL_MODEL=0

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /src
# What others made comes first, and is kept as a layer until a lock changes. Only what the locks list, and only if its
# hash is right; wheels alone, so the image needs no compiler and two builds give the same.
COPY requirements/*.txt requirements/
RUN python -m venv /opt/agentos \
    && /opt/agentos/bin/pip install --require-hashes --no-deps -r requirements/build.txt \
    && /opt/agentos/bin/pip install --require-hashes --no-deps -r requirements/server.txt \
    && if [ "$LOCAL_MODEL" = 1 ]; then \
        /opt/agentos/bin/pip install --require-hashes --no-deps -r requirements/local.txt; \
    fi

COPY setup.cfg setup.py README.md LICENSE gunicorn.conf.py ./
COPY agentos agentos
COPY plugins plugins
# What is ours: nothing is fetched, not even to build with. Not editable: nothing in the image points back to /src.
RUN if [ "$LOCAL_MODEL" != 1 ]; then rm -r plugins/agentos-local; fi \
    && /opt/agentos/bin/pip install --no-index --no-build-isolation '.[postgresql]' ./plugins/agentos-* \
    && /opt/agentos/bin/pip uninstall --yes setuptools

# --- the image: the environment, two files, and a user who owns nothing but /data ------------------------------------
FROM python:3.13-slim

RUN groupadd --system --gid 10001 agentos \
    && useradd --system --uid 10001 --gid agentos --no-create-home --home-dir /nonexistent agentos \
    && install --directory --owner agentos --group agentos /data

COPY --from=build /opt/agentos /opt/agentos
WORKDIR /app
COPY gunicorn.conf.py wsgi.py ./

# All interfaces: what reaches the container is decided by what is published. So every request needs a key, which
# `flask agentos keys create` makes in the container. No key and no password is ever put here.
ENV PATH=/opt/agentos/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FLASK_SKIP_DOTENV=1 \
    AGENTOS_ADDRESS=:8080 \
    AGENTOS_AUTH=api_key \
    AGENTOS_DATABASE_URL=sqlite:////data/agentos.db

USER 10001:10001
VOLUME /data
EXPOSE 8080
# gunicorn drains on it; give it the time: `docker stop --time 35` (AGENTOS_DRAIN_TIMEOUT, 25 s, and 10).
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['AGENTOS_ADDRESS'].rpartition(':')[2] + '/health', timeout=4)"]

# Exec form: gunicorn is process 1 and hears the signals itself.
CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
