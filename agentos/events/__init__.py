"""The events of runs on their way: encoded once, handed to followers at once, written to the log in groups."""
