"""Pictures of what the program leaves: `python -m fanion.figures.NAME` is what it calls to draw them."""
