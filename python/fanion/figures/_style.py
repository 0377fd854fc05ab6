"""Colours, markers and dashes that all pictures share."""

# Okabe & Ito's colours, distinguishable with every common form of colour blindness; yellow is left out as too
# pale on white. Markers and dashes tell more than seven runs apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", ":", "-.")
