/* Network: a box for each network namespace with its links, addresses and listening ports; below
   them the lab's bridge with its ports. A line glows while packets pass. */

import { nothing, svg } from "../../../vendor/lit-html/lit-html.js";
import { repeat } from "../../../vendor/lit-html/directives/repeat.js";
import { say } from "../../strings.js";
import { same } from "../pick.js";
import { cut, kindColour, number, shortInode } from "../words.js";

const LINE = 19;
const LETTER = 7.3;
const LEAST_BOX = 250;
const MOST_LINES = 14;

export const network = { draw, table };

/** [{id, own, lines: [{link, pick, text, kind}]}] for each network namespace of the machine. */
function boxes(machine) {
  const spaces = machine.all("namespaces").filter((one) => one.kind === "network").sort((a, b) => Number(b.own) - Number(a.own) || a.first_seen - b.first_seen);
  return spaces.map((space) => ({ id: space.id, own: space.own, lines: [...(space.own ? cards(machine) : []), ...lines(machine, space.id)].slice(0, MOST_LINES) }));
}

/** A virtual machine's card is no link of the host's: QEMU holds a plug of the lab's bridge itself. */
function cards(machine) {
  if (machine.get("machine", "self")?.backend !== "vm") return [];
  const plugs = machine.all("links").filter((link) => link.namespace === null && link.mine && link.kind !== "veth");
  return plugs.map((link) => ({ kind: "link", link: { ...link, peer: link.id }, pick: { collection: "links", id: link.id }, text: say("xray-guest-card") }));
}

function lines(machine, space) {
  const links = machine.all("links").filter((link) => link.namespace === space).sort((a, b) => a.index - b.index);
  const addresses = machine.all("addresses");
  const found = links.flatMap((link) => [
    { kind: "link", link, pick: { collection: "links", id: link.id }, text: `${link.name}  ${say(link.up ? "xray-up" : "xray-down")}` },
    ...addresses.filter((one) => one.link === link.id).map((one) => ({ kind: "address", pick: null, key: one.id, text: one.address })),
  ]);
  const routes = machine.all("routes").filter((route) => route.namespace === space && route.destination === "default");
  const ports = machine.all("sockets").filter((socket) => socket.namespace === space && socket.state === "listen");
  return [
    ...found,
    ...routes.map((route) => ({ kind: "route", key: route.id, pick: null, text: `${route.destination} → ${route.via ?? ""}` })),
    ...ports.map((socket) => ({ kind: "port", pick: { collection: "sockets", id: socket.id }, text: `${say("xray-listens")} ${socket.protocol} ${socket.local}` })),
  ];
}

/** Did this link carry packets since the version before? */
function busy(machine, link) {
  const before = machine.before?.links?.[link.id];
  return Boolean(before) && (link.rx_packets > before.rx_packets || link.tx_packets > before.tx_packets);
}

function draw(context) {
  const { machine, width } = context;
  const all = boxes(machine);
  const columns = Math.max(1, Math.min(all.length, Math.floor((width - 8) / LEAST_BOX)));
  const boxWidth = (width - 8) / columns - 14;
  const heights = all.map((box) => 46 + Math.max(1, box.lines.length) * LINE);
  const bands = bandHeights(heights, columns);
  const places = all.map((box, at) => ({ box, x: 8 + (at % columns) * (boxWidth + 14), y: 8 + sum(bands.slice(0, Math.floor(at / columns))), height: heights[at], width: boxWidth }));
  const bridgeY = 8 + sum(bands) + 44;
  const ports = portEnds(places, machine);
  return svg`<svg class="xray-svg network" width=${width} height=${bridgeY + 64} role="group" aria-label=${say("xray-network-caption")}>
    ${repeat(places, (place) => place.box.id, (place) => drawBox(place, context))}
    ${drawBridge(bridgeY, ports, context)}
  </svg>`;
}

function bandHeights(heights, columns) {
  const bands = [];
  for (let at = 0; at < heights.length; at += columns) bands.push(Math.max(...heights.slice(at, at + columns)) + 26);
  return bands;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

const PAD = 12;
const FIRST_LINE = 46;

/** Where the wire to each port of the lab's bridge starts. */
function portEnds(places, machine) {
  const ends = new Map();
  for (const { box, x, y, width, height } of places) {
    box.lines.forEach(({ link }, at) => {
      if (link?.peer) ends.set(link.peer, { x: x + width - PAD, y: y + FIRST_LINE + at * LINE - 5, side: x + width + 6, under: y + height + 6, busy: busy(machine, link) });
    });
  }
  return ends;
}

function drawBox({ box, x, y, width, height }, context) {
  const { machine, selected } = context;
  const title = box.own ? machine.name : `${say("xray-namespace")} ${shortInode(box.id)}`;
  return svg`<g class=${machine.isFresh("namespaces", box.id) ? "fresh" : ""}>
    <g data-pick="namespaces" data-id=${box.id} role="button" aria-label=${title} aria-current=${same(selected, { collection: "namespaces", id: box.id }) ? "true" : "false"}>
      <rect class="box" x=${x} y=${y} width=${width} height=${height} rx="6" stroke=${kindColour("network")}></rect>
      <text class="title" x=${x + 12} y=${y + 24}>${cut(title, (width - 20) / LETTER)}</text>
    </g>
    ${box.lines.length ? box.lines.map((line, at) => drawLine(line, x + PAD, y + FIRST_LINE + at * LINE, width, context)) : svg`<text class="soft" x=${x + 12} y=${y + 46}>${say("xray-no-links")}</text>`}
  </g>`;
}

function drawLine(line, x, y, width, { machine, selected }) {
  const room = (width - 40) / LETTER;
  if (!line.pick) return svg`<text class="mono soft" x=${x + 16} y=${y}>${cut(line.text, room)}</text>`;
  const active = line.kind === "link" && busy(machine, line.link);
  return svg`<g class="row ${line.kind} ${active ? "busy" : ""}" data-pick=${line.pick.collection} data-id=${line.pick.id} role="button"
      aria-label=${line.text} aria-current=${same(selected, line.pick) ? "true" : "false"}>
    <rect class="hit" x=${x - 6} y=${y - 14} width=${width - 14} height=${LINE} rx="3"></rect>
    ${line.kind === "link" ? svg`<circle class="plug" cx=${x + width - 2 * PAD} cy=${y - 5} r="4"></circle>` : nothing}
    <text class="mono" x=${x} y=${y}>${cut(line.text, room)}</text>
  </g>`;
}

function drawBridge(y, ports, context) {
  const { machine, width, selected } = context;
  const links = machine.all("links").filter((link) => link.namespace === null);
  const bridge = links.find((link) => link.kind === "bridge");
  if (!bridge) return svg`<text class="soft" x="12" y=${y + 20}>${say("xray-no-bridge")}</text>`;
  const own = links.filter((link) => link.master === bridge.id);
  const step = (width - 40) / (own.length + 1);
  return svg`<g data-pick="links" data-id=${bridge.id} role="button" aria-label=${bridge.name} aria-current=${same(selected, { collection: "links", id: bridge.id }) ? "true" : "false"}>
      <rect class="bridge" x="8" y=${y} width=${width - 16} height="34" rx="6"></rect>
      <text class="title" x="20" y=${y + 22}>${say("xray-bridge", { name: bridge.name })}</text>
    </g>
    ${repeat(own, (port) => port.id, (port, at) => drawPort(port, 120 + step * (at + 0.5), y, ports.get(port.id), context))}`;
}

function drawPort(port, x, y, end, { machine, width, selected }) {
  const at = Math.min(x, width - 60);
  const active = busy(machine, port);
  const wire = end ? svg`<path class="wire ${active || end.busy ? "busy" : ""}" d=${`M ${end.x} ${end.y} H ${end.side - 6} Q ${end.side} ${end.y} ${end.side} ${end.y + 6} V ${end.under} C ${end.side} ${y}, ${at} ${end.under - 6}, ${at} ${y}`}></path>` : nothing;
  return svg`${wire}<g class="row port ${active ? "busy" : ""}" data-pick="links" data-id=${port.id} role="button" aria-label=${port.name} aria-current=${same(selected, { collection: "links", id: port.id }) ? "true" : "false"}>
    <circle class="plug" cx=${at} cy=${y} r="5"></circle>
    <text class="mono" x=${at + 8} y=${y + 22}>${port.name}${port.mine ? "" : ` · ${say("xray-other-machine")}`}</text>
  </g>`;
}

function table({ machine }) {
  const addresses = machine.all("addresses");
  return {
    caption: say("xray-network-caption"),
    columns: [say("xray-link"), say("xray-kind"), say("xray-namespace"), say("xray-addresses"), say("xray-received"), say("xray-sent")],
    rows: [
      ...machine.all("links").map((link) => ({
        key: link.id,
        pick: { collection: "links", id: link.id },
        cells: [link.name, link.kind, link.namespace ?? say("xray-the-lab"), addresses.filter((one) => one.link === link.id).map((one) => one.address).join(", "), number(link.rx_packets), number(link.tx_packets)],
      })),
      ...machine.all("sockets").map((socket) => ({
        key: `socket ${socket.id}`,
        pick: { collection: "sockets", id: socket.id },
        cells: [`${socket.protocol} ${socket.local}`, socket.state, socket.namespace, socket.remote ?? "–", "", ""],
      })),
    ],
  };
}
