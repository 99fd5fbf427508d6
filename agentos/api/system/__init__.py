"""What the server says about itself: health, index, documentation."""
