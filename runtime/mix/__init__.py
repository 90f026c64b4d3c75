"""The isolation mixer: one process inside a sandbox, with just those fences that somebody chose.

What a fence is for shows when it is left out. But a fence left out against the host would be a
hole, so nothing here ever runs on the host: these modules are packed (`parcel`), carried into an
ordinary sandbox and started there by its own root, who could have typed the same. The sandbox
plays the host, and whatever a mix shares, it shares with that sandbox. See docs/adr/0025.

    recipe    what may be chosen, and what cannot be chosen together
    making    the parent: clears up, forks, maps ids, sets limits
    fences    the child: namespaces first, then mounts, capabilities, the filter
    acts      what the mixed process then tries, so that the difference can be seen from outside
    outcome   what the mixer says of it, read by somebody who does not believe it
    parcel    these files and the pieces of the runtime they stand on, as one zip archive
"""
