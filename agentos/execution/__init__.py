"""The life of a run: admission, its turn in the session, its own thread, its one end; and what becomes of lost ones."""
