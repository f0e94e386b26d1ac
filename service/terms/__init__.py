"""The terms that providers and the platform declare: in files, and in the database."""
