"""An adapter that does not load, and says what no client should read."""

raise FileNotFoundError("/srv/secret-place/settings")
