"""What well-known model servers take and refuse."""
