"""Questions and actions of people: explain, what-if, quarantine, doctor, and the sentences for them."""
