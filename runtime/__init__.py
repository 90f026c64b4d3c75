"""The runtime: makes, runs and removes isolated guests, and knows nothing of the web site.

Read it in this order: `plan` (a container is a list of explained steps), `linux` (one module
for each kernel facility), `container` (the steps, in the order in which they happen), then
`shim` and `spawner` (the processes that keep a container alive). ARCHITECTURE.md has the map.
"""
