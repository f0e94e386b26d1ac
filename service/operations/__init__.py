"""What people ask and do: explain, what-if, quarantine, doctor, and the sentences for it."""
