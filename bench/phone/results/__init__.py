"""The results of a phone: read, compared with this machine, and turned into records."""
