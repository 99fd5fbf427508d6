"""What the servers of the suites have: each module is a plugin with a scripted model, and has the agents."""
