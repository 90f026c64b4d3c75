"""Images: read-only trees that sandboxes stand on, and the store that holds them.

Reading order: store (where trees are kept, under names), tree (a digest of what a tree holds),
sources and debian (a tree from the distribution's own packages), jail (why unpacking as root
needs walls), configure (what maintainer scripts would have done), build (all of it in order).
"""
