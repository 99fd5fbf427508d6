"""The suites need client libraries and a running server: `make test` does not collect them."""

import os

collect_ignore = [] if "AGENTOS_CONFORMANCE_URL" in os.environ else ["suites"]
