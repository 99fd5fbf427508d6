"""Frameworks need environments of their own: `make guests` runs these tests, `make test` does not collect them."""

import os

collect_ignore_glob = [] if "AGENTOS_GUESTS_FRAMEWORK" in os.environ else ["*"]
