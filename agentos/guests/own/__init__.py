"""Our own agents and tools that need an event loop: found in the worker, and run in a guest process."""
