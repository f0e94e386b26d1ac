"""Acts of people: proposed with a preview, confirmed, run as operations."""
