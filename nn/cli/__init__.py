"""cli: the commands of `python -m nn`, one file each; what they share is in `problem` and `folder`."""
