"""What providers and the platform declare: as files say it, and as the database keeps it."""
