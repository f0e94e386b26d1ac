"""What an act would do, and doing it: for whoever shows it first and does it then."""
