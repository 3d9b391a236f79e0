// Copyright (c) 2026, mlops.mlflow_azure contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// Renders the content of /api/overview, again after each change. Values become text of the page, never markup.
"use strict";

const EVERY = 1500;
const GOOD = ["Succeeded", "Running", "RunningAtMaxScale", "Ready", "Provisioned", "Healthy"];
const BUSY = ["InProgress", "Creating", "Updating", "Deleting", "Waiting", "Accepted", "Activating", "Processing", "Provisioning", "Degraded"];
const BAD = ["Failed", "ActivationFailed", "Unhealthy", "Canceled"];
let rendered = "";
let current = null; // content of the side panel: {kind: "resource" | "logs", id, name}
let renderedSide = "";

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  return fill(element, attributes, children);
}

function draw(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "click") element.addEventListener("click", value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map((child) => child instanceof Node ? child : String(child)));
  return element;
}

function chip(word) {
  const look = GOOD.includes(word) ? " good" : BUSY.includes(word) ? " busy" : BAD.includes(word) ? " bad" : "";
  return word ? make("span", { class: "chip" + look }, word) : null;
}

function table(titles, rows) {
  const head = make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", { scope: "col" }, title))));
  return make("table", {}, head, make("tbody", {}, ...rows));
}

function card(title, ...content) {
  return make("article", { class: "card" }, title, ...content);
}

function emptyCard(words) {
  return make("div", { class: "card" }, make("p", {}, words));
}

function link(name, target) {
  return make("button", { class: "link", type: "button", click: () => show(target) }, name);
}

function put(section, count, ...content) {
  document.querySelector(`#${section} .content`).replaceChildren(...content);
  document.getElementById(`count-${section}`).textContent = count;
}

function drawGroups(groups) {
  const cards = groups.map((group) => {
    const rows = group.resources.map((item) => make("tr", {},
      make("td", { class: "name" }, make("span", { class: `inner deep-${Math.min(item.depth, 3)}` }, link(item.name, { kind: "resource", id: item.id, name: item.name }))),
      make("td", { class: "type" }, item.type),
      make("td", { class: "soft" }, item.location || ""),
      make("td", {}, chip(item.state))));
    const title = make("h3", {}, link(group.name, { kind: "resource", id: group.id, name: group.name }), make("small", {}, group.location || ""), make("span", { class: "right" }, chip(group.state)));
    return card(title, rows.length ? table(["Name", "Type", "Location", "State"], rows) : make("p", {}, "No resources yet."));
  });
  const count = groups.reduce((sum, group) => sum + group.resources.length, 0);
  put("resources", count, ...(cards.length ? cards : [emptyCard("No resource group yet.")]));
}

function describe(replica) {
  const parts = replica.containers.map((container) => {
    const again = container.restarts ? `, restarted ${container.restarts} times` : "";
    const code = !container.running && container.exitCode !== null ? `, exit code ${container.exitCode}` : "";
    return `${container.name}: ${container.ready ? "ready" : container.running ? "running" : "not running"}${again}${code}`;
  });
  return make("span", { class: "replica" }, `${replica.name} (${parts.join("; ")})`);
}

function drawApp(app) {
  const rows = app.revisions.map((revision) => make("tr", {},
    make("td", { class: "name" }, link(revision.name, { kind: "resource", id: revision.id, name: revision.name }), ...revision.replicas.map(describe),
      revision.runningStateDetails ? make("span", { class: "reason" }, revision.runningStateDetails) : null),
    make("td", {}, revision.active ? "active" : "inactive"),
    make("td", {}, `${revision.trafficWeight || 0} %`),
    make("td", {}, chip(revision.runningState)),
    make("td", {}, chip(revision.healthState)),
    make("td", {}, revision.replicas.length)));
  const title = make("h3", {}, link(app.name, { kind: "resource", id: app.id, name: app.name }), make("small", {}, app.fqdn || "no ingress"), chip(app.running === "Stopped" ? "Stopped" : app.state),
    make("span", { class: "right" }, make("button", { class: "open", type: "button", click: () => show({ kind: "logs", id: app.id, name: app.name }) }, "Logs"),
      app.url ? make("a", { class: "open", href: app.url, target: "_blank", rel: "noopener noreferrer" }, "Open") : null));
  return card(title, rows.length ? table([`Revision (${app.mode.toLowerCase()} mode)`, "", "Traffic", "State", "Health", "Replicas"], rows) : make("p", {}, "No revision yet."));
}

function drawJob(job) {
  const rows = job.executions.map((execution) => make("tr", {},
    make("td", { class: "name" }, execution.name, ...execution.replicas.map(describe)),
    make("td", {}, chip(execution.status)), make("td", { class: "soft" }, execution.startTime), make("td", { class: "soft" }, execution.endTime || "")));
  const title = make("h3", {}, link(job.name, { kind: "resource", id: job.id, name: job.name }), make("small", {}, job.schedule ? `scheduled ${job.schedule} (UTC)` : `started by: ${job.trigger}`), chip(job.state),
    make("span", { class: "right" }, make("button", { class: "open", type: "button", click: () => show({ kind: "logs", id: job.id, name: job.name }) }, "Logs")));
  return card(title, rows.length ? table(["Execution", "Status", "Started", "Ended"], rows) : make("p", {}, "No execution yet."));
}

function drawApps(apps, jobs) {
  const cards = [...apps.map(drawApp), ...jobs.map(drawJob)];
  put("apps", cards.length, ...(cards.length ? cards : [emptyCard("No container app yet.")]));
}

function drawOperations(operations) {
  const running = operations.filter((operation) => operation.status === "InProgress").length;
  const rows = operations.map((operation) => {
    const bar = operation.status === "InProgress" ? make("progress", { max: 1, value: operation.fraction, "aria-label": `${operation.verb} ${operation.resource}` }) : null;
    return make("tr", {}, make("td", { class: "name" }, `${operation.verb} ${operation.resource}`, operation.error ? make("span", { class: "reason" }, operation.error) : null),
      make("td", { class: "type" }, operation.type), make("td", {}, chip(operation.status), " ", bar), make("td", { class: "soft" }, `${operation.seconds} s`));
  });
  put("operations", running, rows.length ? card(null, table(["Operation", "Type", "Status", "Took"], rows)) : emptyCard("No long-running operation yet."));
}

function brief(scope) {
  const parts = scope.split("/").filter(Boolean);
  if (parts.length === 2) return ["subscription", ""];
  if (parts.length === 4) return [parts[3], "resource group"];
  return [parts[parts.length - 1], parts.slice(-2)[0]];
}

function drawAccess(assignments) {
  if (!assignments.length) return put("access", 0, emptyCard("No role assignment yet."));
  const people = [...new Map(assignments.map((item) => [item.principal, item])).values()];
  const scopes = [...new Set(assignments.map((item) => item.scope))];
  const step = 62, left = 300, right = 760, width = 1060;
  const height = Math.max(people.length, scopes.length) * step + 14;
  const at = (index, count) => (height - count * step) / 2 + index * step + step / 2;
  const graph = draw("svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Role assignments: principal, role, scope" });
  const sharing = new Map();
  for (const item of assignments) {
    const from = at(people.findIndex((one) => one.principal === item.principal), people.length);
    const to = at(scopes.indexOf(item.scope), scopes.length);
    const pair = `${item.principal} ${item.scope}`;
    const nth = sharing.get(pair) || 0;
    sharing.set(pair, nth + 1);
    const bend = nth * 18;
    const line = draw("path", { d: `M ${left} ${from} C ${left + 180} ${from + bend}, ${right - 180} ${to + bend}, ${right} ${to}` });
    const words = draw("text", { x: (left + right) / 2, y: (from + to) / 2 + bend * .75 + 4, "text-anchor": "middle" }, item.role);
    graph.append(draw("g", { class: "edge" }, draw("title", {}, `${item.principal}: ${item.role} on ${item.scope}`), line, words));
  }
  const box = (x, y, wide, name, below) => graph.append(draw("g", {}, draw("rect", { x, y: y - 21, width: wide, height: 42, rx: 8 }),
    draw("text", { x: x + 12, y: y - 2 }, name.length > 38 ? name.slice(0, 36) + "…" : name), draw("text", { x: x + 12, y: y + 13, class: "soft" }, below)));
  people.forEach((one, index) => box(10, at(index, people.length), left - 10, one.principal, one.managed ? "managed identity" : one.kind || ""));
  scopes.forEach((scope, index) => box(right, at(index, scopes.length), width - right - 10, ...brief(scope)));
  return put("access", assignments.length, card(null, graph));
}

async function fetchJson(path) {
  const response = await fetch(path, { cache: "no-store" });
  return response.status === 404 ? null : response.json();
}

function show(target) {
  current = target;
  renderedSide = "";
  const side = document.getElementById("detail");
  side.hidden = target === null;
  document.body.classList.toggle("split", target !== null);
  if (target === null) return;
  side.querySelector("h2").textContent = target.kind === "logs" ? `Logs of ${target.name}` : target.name;
  side.querySelector(".path").textContent = target.id;
  side.querySelector(".content").replaceChildren();
  refreshSide();
}

async function refreshSide() {
  const target = current;
  if (target === null) return;
  const item = await fetchJson(`api/${target.kind}?id=${encodeURIComponent(target.id)}`);
  const text = JSON.stringify(item);
  if (target !== current || text === renderedSide) return;
  renderedSide = text;
  const side = document.querySelector("#detail .content");
  if (item === null) side.replaceChildren(make("p", {}, "The resource does not exist any more."));
  else if (target.kind === "resource") side.replaceChildren(make("pre", { id: "json" }, JSON.stringify(item, null, 2)));
  else if (!item.logs.length) side.replaceChildren(make("p", {}, "No log yet."));
  else side.replaceChildren(...item.logs.flatMap((log) => [make("h3", {}, `${log.replica} · ${log.container} `, chip(log.running ? "Running" : "Ended")), make("pre", { class: "log" }, log.text)]));
}

async function refresh() {
  const state = document.getElementById("state");
  try {
    const item = await fetchJson("api/overview");
    const text = JSON.stringify(item);
    if (text !== rendered) {
      rendered = text;
      document.getElementById("subscription").textContent = `subscription ${item.subscription}`;
      drawGroups(item.groups);
      drawApps(item.apps, item.jobs);
      drawOperations(item.operations);
      drawAccess(item.access);
    }
    await refreshSide();
    state.textContent = "live";
    state.className = "live";
  } catch (error) {
    state.textContent = error instanceof TypeError ? "the sandbox does not respond" : `this page failed: ${error.message}`;
    state.className = "lost";
  }
  window.setTimeout(refresh, document.hidden ? EVERY * 4 : EVERY);
}

document.getElementById("close").addEventListener("click", () => show(null));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") show(null); });
refresh();
