"""nodegrad engine."""
