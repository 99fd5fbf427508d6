"""What the server says about itself. A reader of events and logs, never a reason to change the run."""
