"""What people ask and do: explain, what if, quarantine, doctor, and the words for it."""
