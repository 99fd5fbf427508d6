"""What the wire formats of model servers share: server-sent events, and what a server's errors mean."""
