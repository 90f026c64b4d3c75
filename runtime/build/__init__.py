"""Building an image from a Containerfile: each instruction a layer, each layer kept for the next time.

Reading order: containerfile (from text to instructions), words (quotes and variables), ignore (what
of the context is left out), copying (COPY and ADD write a layer's tar without touching a tree), running
(RUN: a sandbox of ours, whose upper directory becomes the layer), stage (what each instruction does
to an image) and builder (stages in order, and the cache).

See the reference of the Dockerfile format, and image-spec's config.md for what the instructions become.
"""
