"""Records put aside, and what people do about them: replay, drop, erase."""
