"""What an agent can do besides talking: typed functions, checked and executed."""
