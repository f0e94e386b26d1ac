"""What people act on: pauses, breakers, holds, quarantine, erasures, the number of lanes."""
