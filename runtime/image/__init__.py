"""Images: read-only trees that sandboxes stand on, and the store that holds them.

Reading order: blobs (the OCI layout: names, digests, an index), store (each layer once as a tree),
layer (from a tree to a tar, the same every time), streams, unpack and jail (from a tar to a tree, and
why that needs walls), apply (whiteouts become overlayfs's), load and docker (what others wrote),
save (for others to read), collect and verify. Then how the first image comes about: sources and
debian (a tree from the distribution's own packages), configure (what maintainer scripts would have
done), build (all of it in order).
"""
