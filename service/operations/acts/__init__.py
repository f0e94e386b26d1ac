"""Acts of operators: their effects, shown before they are done, and doing them."""
