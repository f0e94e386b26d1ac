"""`simulate`: the service without a broker and a database (`simulation.py`), and its input files (`input.py`)."""
