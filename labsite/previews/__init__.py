"""Previews: a server in a sandbox, seen in a tab of the learner's browser, on an origin of its own.

What a sandbox serves may be hostile: a stranger wrote it. So it is never served from the site's own origin, but
from `<token>.preview.<domain>`, by a process of its own that knows no session, over a socket that can reach one port
of one sandbox. docs/previews.md tells the whole way.
"""
