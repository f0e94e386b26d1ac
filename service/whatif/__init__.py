"""What would be different: under other terms, or by the rules that are installed now."""
