"""nodegrad nn."""
