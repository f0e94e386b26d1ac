"""The purchasing service: events in, decisions and commands out."""
