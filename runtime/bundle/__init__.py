"""A bundle, run as it is: the command line that podman and other engines expect of an OCI runtime.

A *bundle* is a directory with a config.json and a root file system. The engine has prepared everything
(layers, network, names) and asks for nothing but the kernel's part: make the namespaces, the mounts and
the groups that the file lists, hold the program back until `start`, and say how it goes. Nothing of ours
stays running: the container becomes the engine's child.

The sandboxes of the lessons do not come this way. They trust nobody, and their spawner takes no paths;
here the caller is root and the bundle is the order.

Reading order: config (what is read and what is refused), namespaces, mounts, devices, groups, filter
(seccomp), person (who the program is), birth (the order of it all), entry (exec), records, verbs, cli.

See the OCI runtime specification: runtime.md, config.md, config-linux.md.
"""
