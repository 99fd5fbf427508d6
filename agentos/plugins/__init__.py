"""Finding, loading, checking and reporting plugins."""
