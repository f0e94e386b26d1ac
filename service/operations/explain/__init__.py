"""Why an order stands as it does: its story from the journals, as a person tells it."""
