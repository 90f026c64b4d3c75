"""The bench: us and others, in turns, in one run, on one machine.

A number alone says little about another machine. A ratio says more, when both sides ran in the same
minute and did the same work. Every part therefore prints ratios, and beside each peer what it was not
asked to do. `docs/bench.md` explains what is measured.
"""
