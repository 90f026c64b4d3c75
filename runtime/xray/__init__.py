"""The x-ray: what the host's kernel says about one sandbox, read without touching it.

Nothing here asks anything inside: no agent, no command, no file that the guest could have
prepared for us. All is read from procfs, cgroupfs, namespace descriptors and netlink, from the
host's side, and what is shown is the sandbox's own alone.

Read `compare` (what an observation is, and the difference of two), then the collectors, one a
facility: `members` and `processes`, `namespaces`, `mounts`, `cgroups`, `layers` and `changes`,
`links` and `sockets`, `steps`. `collector` calls them in order and decides when to look again.
docs/xray.md lists every field.
"""
