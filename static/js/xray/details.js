/* What the kernel says about the one thing that is selected, with ways to what belongs to it. */

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { say } from "../strings.js";
import { command } from "./views/processes.js";
import { bytes, KINDS, kindColour, number, seconds, shortInode } from "./words.js";

const MOST = 40;

/** The sheet for context.selected, or null when nothing (or nothing that still exists) is selected. */
export function drawDetails(context) {
  const { machine, selected } = context;
  const object = selected && machine.get(selected.collection, selected.id);
  const sheet = object && SHEETS[selected.collection]?.(object, context);
  if (!sheet) return null;
  return html`<div class="details-head"><h3>${sheet.title}</h3><button type="button" class="quiet icon" data-close aria-label=${say("xray-close")} title=${say("xray-close")}>×</button></div>
    <dl>${sheet.facts.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>${sheet.more ?? nothing}`;
}

/** A word that leads to another object, in the view where that is drawn. */
function way(collection, id, text, colour) {
  return html`<button type="button" class="link" data-go=${collection} data-id=${id}>${colour ? html`<svg class="dot" width="10" height="10" aria-hidden="true"><circle cx="5" cy="5" r="5" fill=${colour}></circle></svg>` : nothing}${text}</button>`;
}

function few(list, most = MOST) {
  const rest = list.length - most;
  return html`<span class="ways">${list.slice(0, most)}${rest > 0 ? html` <span class="soft">${say("xray-and-more", { n: number(rest) })}</span>` : nothing}</span>`;
}

function namespaceWay(id, { machine }) {
  const one = machine.get("namespaces", id);
  if (!one) return id === "host" ? say("xray-host") : id ?? null;
  return way("namespaces", id, `${one.kind} ${shortInode(id)}`, kindColour(one.kind));
}

function ids({ outside, sandbox, own }) {
  return say("xray-ids", { outside: outside ?? "–", sandbox: sandbox ?? say("xray-nobody"), own: own ?? say("xray-nobody") });
}

function capabilities(id, { machine }) {
  const set = machine.get("capabilities", id);
  if (!set) return null;
  if (set.whole) return say("xray-all-capabilities", { n: set.names.length });
  return set.names.length ? html`<span class="mono">${set.names.join(" ")}</span>` : say("xray-none");
}

function process(object, context) {
  const limits = context.machine.get("limits", object.limits)?.values ?? {};
  const parent = object.parent && context.machine.get("processes", object.parent);
  return {
    title: command(object),
    facts: [
      [say("xray-pid-outside"), object.pid],
      [say("xray-pid-inside"), object.pids.join(" → ")],
      [say("xray-parent"), parent ? way("processes", parent.id, `${parent.pids[0]} ${parent.comm}`) : say("xray-started-by-runtime")],
      [say("xray-user"), ids(object.uids)],
      [say("xray-state"), say(`xray-state-${object.state}`)],
      [say("xray-namespaces"), few(KINDS.filter((kind) => object.namespaces[kind]).map((kind) => namespaceWay(object.namespaces[kind], context)))],
      [say("xray-cgroups"), few(object.cgroups.map((id) => way("cgroups", id, id)))],
      [say("xray-capabilities"), capabilities(object.capabilities.effective, context)],
      [say("xray-bounding"), capabilities(object.capabilities.bounding, context)],
      ["seccomp", object.seccomp === "filter" ? say("xray-filters", { n: object.seccomp_filters }) : object.seccomp],
      ["no_new_privs", say(object.no_new_privs ? "xray-yes" : "xray-no")],
      [say("xray-memory"), bytes(object.memory_bytes)],
      [say("xray-cpu-time"), seconds(object.cpu_us)],
      [say("xray-open-files"), number(object.open_files)],
      [say("xray-layer"), way("layers", "upper", say("xray-upper"))],
      ["rlimits", html`<span class="mono">${Object.entries(limits).map(([name, [soft, hard]]) => `${name} ${soft ?? "∞"}/${hard ?? "∞"}`).join(" · ")}</span>`],
    ],
  };
}

/** A process behind QEMU: only what the guest says of it. */
function guestProcess(object, { machine }) {
  const parent = machine.all("guest_processes").find((one) => one.pid === object.parent);
  return {
    title: command(object),
    facts: [
      ["", say("xray-guest-words")],
      [say("xray-pid-inside"), object.pid],
      [say("xray-parent"), parent ? way("guest_processes", parent.id, `${parent.pid} ${parent.comm}`) : null],
      [say("xray-user"), object.uid],
      [say("xray-state"), say(`xray-state-${object.state}`)],
      [say("xray-memory"), bytes(object.memory_bytes)],
      [say("xray-cpu-time"), seconds(object.cpu_us)],
    ],
  };
}

function namespace(object, context) {
  const members = context.machine.all("processes").filter((one) => one.namespaces[object.kind] === object.id);
  const mounts = object.kind === "mount" ? context.machine.all("mounts").filter((one) => one.namespace === object.id) : [];
  return {
    title: html`<svg class="dot" width="12" height="12" aria-hidden="true"><circle cx="6" cy="6" r="6" fill=${kindColour(object.kind)}></circle></svg> ${say("xray-namespace-of-kind", { kind: object.kind })}`,
    facts: [
      [say("xray-inode"), html`<span class="mono">${object.id}</span>`],
      [say("xray-made-by"), say(object.own ? "xray-made-by-runtime" : "xray-made-inside")],
      [say("xray-owner"), namespaceWay(object.owner, context)],
      [say("xray-parent"), object.parent && namespaceWay(object.parent, context)],
      [say("xray-hostname"), object.hostname],
      [say("xray-uid-map"), object.uid_map && map(object.uid_map)],
      [say("xray-gid-map"), object.gid_map && map(object.gid_map)],
      [say("xray-offsets"), object.offsets && say("xray-clock-offsets", object.offsets)],
      [say("xray-processes"), members.length ? few(members.map((one) => way("processes", one.id, `${one.pids.at(-1)} ${one.comm}`)), 16) : say(`xray-kept-${object.kept_by}`)],
    ],
    more: mounts.length ? mountTable(mounts) : nothing,
  };
}

function map(rows) {
  return html`<span class="mono">${rows.map(([inside, outside, count]) => html`${inside} → ${outside} (×${number(count)})<br>`)}</span>`;
}

function mountTable(mounts) {
  return html`<table class="xray-table small"><caption>${say("xray-mounts")}</caption><thead><tr><th scope="col">${say("xray-target")}</th><th scope="col">${say("xray-type")}</th><th scope="col">${say("xray-options")}</th></tr></thead>
    <tbody>${mounts.slice(0, 200).map((one) => html`<tr><th scope="row">${one.target}</th><td>${one.type}</td><td>${[...one.options, one.propagation].join(",")}</td></tr>`)}</tbody></table>`;
}

function cgroup(object, context) {
  const parts = ["limits", "usage", "events"].flatMap((part) => Object.entries(object[part]).map(([name, value]) => [name, value, object.files[`${part}.${name}`]]));
  return {
    title: object.path === "/" ? context.machine.name : object.path,
    facts: [
      [say("xray-hierarchy"), `${object.hierarchy} (v${object.version})`],
      [say("xray-controllers"), object.controllers.join(" ") || say("xray-none")],
      [say("xray-processes"), number(object.processes)],
      [say("xray-delegated"), say(object.delegated ? "xray-yes" : "xray-no")],
      ...parts.map(([name, value, file]) => [html`<span class="mono">${name}</span>`, html`${name.endsWith("_bytes") ? bytes(value) : number(value)}${file ? html` <code>${file}</code>` : nothing}`]),
    ],
  };
}

function layer(object, { machine }) {
  const self = machine.get("machine", "self");
  return {
    title: object.kind === "upper" ? say("xray-upper") : object.digest,
    facts: [
      [say("xray-image"), object.image],
      [say("xray-made-by"), object.created_by],
      [say("xray-size"), bytes(object.size_bytes)],
      [say("xray-files"), number(object.files)],
      [say("xray-shared-by"), object.shared_by === null ? null : number(object.shared_by)],
      [say("xray-disk"), object.kind === "upper" && self ? say("xray-disk-used", { used: bytes(self.disk_used_bytes), of: bytes(self.disk_bytes), files: number(self.disk_files) }) : null],
      ["", say(object.kind === "upper" ? "xray-upper-words" : "xray-lower-words")],
    ],
  };
}

function change(object) {
  return {
    title: object.path,
    facts: [
      [say("xray-change"), say(`xray-change-${object.change}`)],
      [say("xray-type"), object.type],
      [say("xray-size"), bytes(object.size_bytes)],
      [say("xray-mode"), object.mode && html`<span class="mono">${object.mode}</span>`],
      [say("xray-user"), object.uid === null ? null : `${object.uid}:${object.gid}`],
      ["", say(`xray-words-${object.change}`)],
    ],
  };
}

function link(object, context) {
  const addresses = context.machine.all("addresses").filter((one) => one.link === object.id);
  const routes = context.machine.all("routes").filter((one) => one.link === object.id);
  const peer = object.peer && context.machine.get("links", object.peer);
  return {
    title: object.name,
    facts: [
      [say("xray-kind"), object.kind],
      [say("xray-namespace"), object.namespace ? namespaceWay(object.namespace, context) : say("xray-the-lab")],
      [say("xray-state"), `${say(object.up ? "xray-up" : "xray-down")}${object.carrier ? "" : ` · ${say("xray-no-carrier")}`}`],
      ["MAC", html`<span class="mono">${object.mac}</span>`],
      ["MTU", object.mtu],
      [say("xray-addresses"), addresses.map((one) => one.address).join(", ")],
      [say("xray-routes"), routes.length ? html`${routes.map((one) => html`${one.destination}${one.via ? ` → ${one.via}` : ""}<br>`)}` : null],
      [say("xray-peer"), peer ? way("links", peer.id, peer.name) : null],
      [say("xray-received"), say("xray-traffic", { packets: number(object.rx_packets), bytes: bytes(object.rx_bytes), dropped: number(object.rx_dropped) })],
      [say("xray-sent"), say("xray-traffic", { packets: number(object.tx_packets), bytes: bytes(object.tx_bytes), dropped: number(object.tx_dropped) })],
    ],
  };
}

function socket(object, context) {
  const owner = object.process && context.machine.get("processes", object.process);
  return {
    title: `${object.protocol} ${object.local}`,
    facts: [
      [say("xray-state"), object.state],
      [say("xray-remote"), object.remote],
      [say("xray-process"), owner ? way("processes", owner.id, `${owner.pids[0]} ${owner.comm}`) : null],
      [say("xray-user"), object.uid],
      [say("xray-namespace"), namespaceWay(object.namespace, context)],
    ],
  };
}

const SHEETS = { processes: process, guest_processes: guestProcess, namespaces: namespace, cgroups: cgroup, layers: layer, changes: change, links: link, sockets: socket };

/** The view in which an object of a collection is drawn. */
export const VIEW_OF = { processes: "processes", guest_processes: "processes", namespaces: "namespaces", cgroups: "cgroups", layers: "layers", changes: "layers", links: "network", sockets: "network" };
