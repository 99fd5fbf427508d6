"""Chat completions: what a request asks for, and a run as its answer."""
