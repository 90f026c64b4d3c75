"""Placeholders: names of hosts and addresses of ports, in texts and in scripts.

In a text a port becomes a link into the lab; inside the machine it is localhost. While the
Markdown is parsed the port has a stand-in address of a domain that can never exist, so that
it works in every place an address can stand.
"""

import re

NEW = re.compile(r"\{\{[ \t]*TRAFFIC_HOST(\d{1,2})_(\d{1,5})[ \t]*\}\}")
SELECTOR = re.compile(r"\{\{[ \t]*TRAFFIC_SELECTOR(?:_HOST(\d{1,2})_\w{1,5})?[ \t]*\}\}")
OLD = re.compile(
    r"https?://\[\[(?:HOST(\d{0,2})|CLIENT|UUID)_SUBDOMAIN\]\](?:-(\d{1,5}))?-\[\[KATACODA_HOST\]\]"
    r"\.(?:environments\.katacoda\.com|\[\[KATACODA_DOMAIN\]\])"
)
ADDRESS = re.compile(r"\[\[HOST(\d{0,2})_IP\]\]")
LEFT = re.compile(r"\[\[(?:HOST\d*|CLIENT|UUID)_(?:SUBDOMAIN|IP)\]\]|\[\[KATACODA_\w{1,12}\]\]")
STAND_IN = re.compile(r"http://port-(\d{1,5})\.host-(\d{1,2})\.vitrine\.invalid")


def stand_in(text: str) -> str:
    """Ports become stand-in addresses; a page to choose a port becomes port 80."""
    text = NEW.sub(lambda match: _address(match[2], match[1]), text)
    text = OLD.sub(lambda match: _address(match[2] or "80", match[1] or "1"), text)
    text = SELECTOR.sub(lambda match: _address("80", match[1] or "1"), text)
    return ADDRESS.sub(lambda match: host(int(match[1] or 1)), text)


def inside(text: str) -> str:
    """The same for a script or a command: addresses as seen from inside the machine."""
    return STAND_IN.sub(lambda match: f"http://{host(int(match[2]))}:{match[1]}", stand_in(text))


def host(number: int) -> str:
    """The name of a machine, as the first machine calls it."""
    return "localhost" if number <= 1 else f"host{number:02d}"


def _address(port: str, number: str) -> str:
    return f"http://port-{int(port)}.host-{int(number)}.vitrine.invalid"
