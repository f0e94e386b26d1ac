"""`simulate`: the service without a broker and a database (`simulation.py`), and the files it reads (`input.py`)."""
