"""How fast the server is, measured so that anyone can repeat it; see docs/explanation/performance.md."""
