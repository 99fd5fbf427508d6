"""What the doors of chat protocols share: a conversation and what it asks for, and a run as its answer."""
