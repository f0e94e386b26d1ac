"""Tables for operators' actions: pauses, breakers, holds, quarantine, erasures, the number of lanes."""
