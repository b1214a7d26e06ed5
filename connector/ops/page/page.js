"use strict";
// Fetches status.json and shows it. Everything that comes from outside goes in by textContent, so a
// topic that is called <b> is just a strange name. Nodes are updated in place: focus, selection,
// scroll positions and opened details stay as they are.

const REFRESH = 2000;
const PATIENCE = 5000;
const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

const count = (n) => (n === null ? "–" : Math.abs(n) < 1e6 ? whole.format(n) : short.format(n));
const offset = (n) => (n === null ? "–" : whole.format(n)); // to the digit: people compare them
const rate = (n) => (n > 0 && n < 10 ? n.toFixed(1) : count(n));
const bytes = (n) => (n < 1048576 ? `${whole.format(n / 1024)} KiB` : `${whole.format(n / 1048576)} MiB`);
const sum = (list) => list.reduce((total, each) => total + each, 0);

function age(seconds) {
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const full = Math.round(seconds);
  if (full < 3600) return full % 60 ? `${Math.floor(full / 60)} min ${full % 60} s` : `${full / 60} min`;
  if (full < 172800) return `${Math.floor(full / 3600)} h ${Math.floor((full % 3600) / 60)} min`;
  return `${Math.floor(full / 86400)} days`;
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// Fill a table: each row is a list of cells, a cell is text or {text, className, tags, progress}.
function fill(id, rows) {
  const body = byId(id);
  const heads = [...body.closest("table").querySelectorAll("thead th")].map((head) => (head.querySelector("abbr")?.title ?? head.textContent));
  const columns = heads.length;
  const shown = rows.length ? rows : [[{ text: body.dataset.empty, className: "empty" }]];
  while (body.rows.length > shown.length) body.deleteRow(-1);
  shown.forEach((cells, index) => {
    const row = body.rows[index] || body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((cell, column) => {
      const node = row.cells[column] || row.insertCell();
      node.colSpan = rows.length ? 1 : columns;
      node.dataset.label = rows.length ? heads[column] : "";
      draw(node, typeof cell === "string" ? { text: cell } : cell);
    });
  });
}

function draw(node, { text = "", className = "", tags = [], progress }) {
  const key = JSON.stringify([text, className, tags, progress]);
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.className = className;
  node.textContent = tags.length ? `${text} ` : text;
  for (const [word, colour] of tags) node.append(make("span", `tag ${colour}`, word));
  if (progress) {
    const bar = make("progress", progress.className);
    bar.max = progress.max || 1;
    bar.value = progress.value;
    bar.setAttribute("aria-label", progress.label);
    node.append(bar);
  }
}

const number = (text) => ({ text, className: "n" });

// What there is in Kafka isn't known while this member is not in the group or Kafka is in trouble: no 0 then.
const blind = (status) => status.out_of_sight || (!status.partitions.length && status.troubles.length > 0);

function noPartitions(status) {
  if (status.troubles.length) return "No partitions: Kafka is in trouble, see above.";
  if (status.out_of_sight) return "No partitions yet: this member has not joined the group.";
  return "No partitions are assigned to this member. That is fine for a spare replica.";
}

function partitions(status) {
  byId("partitions").dataset.empty = noPartitions(status);
  fill("partitions", status.partitions.map((each) => [
    { text: each.topic, tags: each.paused ? [["paused", "amber"]] : [] },
    number(String(each.partition)),
    number(offset(each.position)), number(offset(each.end)),
    number(count(each.backlog)), number(age(each.oldest_unsettled_seconds)),
    number(count(each.buffered)),
  ]));
}

function jobs(status) {
  const oldestFirst = [...status.jobs].sort((one, other) => other.age - one.age);
  fill("jobs", oldestFirst.map((each) => [
    { text: each.request, className: "mono id", tags: each.adopted ? [["adopted", ""]] : [] },
    { text: each.endpoint, className: "tight" }, number(age(each.age)), number(count(each.devices)),
    each.progress < 0 ? "–" : {
      progress: { value: each.progress, max: 100, label: `${each.progress} percent` },
    },
    number(String(each.polls)),
  ]));
}

function shares(id, counts, red) {
  const entries = Object.entries(counts).filter(([, n]) => n > 0).sort((one, other) => other[1] - one[1]);
  const total = sum(entries.map(([, n]) => n));
  fill(id, entries.map(([name, n]) => [
    name.replaceAll("_", " "),
    { className: "share", progress: {
      value: n, max: total, className: red(name) ? "red" : "", label: `${((100 * n) / total).toFixed(1)} percent`,
    } },
    number(count(n)),
  ]));
}

function errors(status) {
  fill("errors", status.errors.map((each) => [
    { text: `${age(Math.max(0, status.generated_at - each.at))} ago`, className: "time" },
    { text: each.what },
    number(`${count(each.count)}×`),
  ]));
}

function tiles(status) {
  const known = status.partitions.filter((each) => each.backlog !== null);
  put(byId("t-confirmed"), rate(status.rates.confirmed));
  const unknown = blind(status) || known.length < status.partitions.length;
  put(byId("t-backlog"), unknown ? "–" : count(sum(known.map((each) => each.backlog))));
  put(byId("t-backlog-of"), unknown ? "not known now" : "records not settled");
  const [oldest] = [...status.partitions].sort((a, b) => b.oldest_unsettled_seconds - a.oldest_unsettled_seconds);
  const waits = oldest && oldest.oldest_unsettled_seconds > 0;
  const nothing = blind(status) ? ["–", "not known now"] : [age(0), "nothing waits"];
  const [longest, where] = waits ? [age(oldest.oldest_unsettled_seconds), `${oldest.topic}/${oldest.partition}`] : nothing;
  put(byId("t-oldest"), longest);
  put(byId("t-oldest-where"), where);
  put(byId("t-jobs"), count(sum(Object.values(status.jobs_in_flight))));
  put(byId("t-devices"), `limit ${count(status.jobs_limit)}, ${count(sum(status.jobs.map((each) => each.devices)))} devices`);
  const refused = status.settled.dead_letter || 0;
  const settled = sum(Object.values(status.settled));
  put(byId("t-refused"), count(refused));
  const owed = sum(Object.values(status.dead_letters_owed));
  const share = settled ? `${((100 * refused) / settled).toFixed(2)} % of all settled` : "since the start";
  put(byId("t-refused-share"), owed ? `and ${count(owed)} not written yet` : share);
  byId("tile-refused").classList.toggle("bad", status.rates.dead_letters > 0.1 * status.rates.confirmed && refused > 0);
  put(byId("t-buffer"), status.max_buffered_events
    ? `${Math.round((100 * status.buffered_events) / status.max_buffered_events)} %` : count(status.buffered_events));
  put(byId("t-bytes"), `${count(status.buffered_events)} events, ${bytes(status.buffered_bytes)}`);
}

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 4, 5, 8, 10].map((step) => step * power).find((each) => each >= value);
}

function path(points, top, ends) {
  const at = (value, index) =>
    `${(600 - (points.length - 1 - index) * (600 / Math.max(points.length - 1, 35))).toFixed(1)},${(98 - (value / top) * 90).toFixed(2)}`;
  const line = points.map(at).join("L");
  const left = at(0, 0).split(",")[0];
  return ends ? `M${left},100L${line}L600,100Z` : `M${line}`;
}

function chart({ rates }) {
  const series = [["consumed", rates.consumed_history], ["dead", rates.dead_letters_history], ["confirmed", rates.confirmed_history]];
  const length = rates.confirmed_history.length;
  byId("chart-empty").hidden = length > 1;
  put(byId("l-consumed"), `${rate(rates.consumed)}/s`);
  put(byId("l-confirmed"), `${rate(rates.confirmed)}/s`);
  put(byId("l-dead"), `${rate(rates.dead_letters)}/s`);
  if (length < 2) return;
  const top = niceCeiling(Math.max(1, ...series.flatMap(([, points]) => points)));
  const shapes = [["grid", "M0,8H600"], ["grid", "M0,53H600"], ["area", path(rates.confirmed_history, top, true)],
    ...series.map(([name, points]) => [`line ${name}`, path(points, top, false)])];
  const svg = byId("chart");
  shapes.forEach(([className, d], index) => {
    const shape = svg.children[index] || svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    shape.setAttribute("class", className);
    shape.setAttribute("d", d);
  });
  svg.setAttribute("aria-label", `Over the last ${age(length * rates.step)}, at most ${count(Math.max(...rates.confirmed_history))} events a second were confirmed; ${rate(rates.confirmed)} in the last minute.`);
  put(byId("y-top"), `${short.format(top)}/s`);
  put(byId("y-mid"), `${short.format(top / 2)}/s`);
  put(byId("x-start"), `${age(Math.max(length - 1, 35) * rates.step)} ago`);
}

function configuration(status) {
  const box = byId("configuration");
  const key = JSON.stringify(status.configuration);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...Object.entries(status.configuration).map(([section, values]) => {
    const part = make("section");
    const table = make("table");
    const entries = values && typeof values === "object" && !Array.isArray(values) ? Object.entries(values) : [["", values]];
    part.append(make("h3", "", section), table);
    for (const [name, value] of entries) {
      const row = table.insertRow();
      row.append(make("td", "", name), make("td", "mono", text(value)));
    }
    return part;
  }));
}

function text(value) {
  if (value === null || value === "") return "–";
  if (Array.isArray(value)) return value.map(text).join(", ") || "–";
  if (typeof value === "object") return Object.entries(value).map(([k, v]) => `${k}=${text(v)}`).join(", ") || "–";
  return String(value);
}

function banners(list) {
  const box = byId("banners");
  const key = JSON.stringify(list.map(({ title, lines, colour }) => [title, lines, colour]));
  if (box.dataset.key === key) return; // nothing new: nothing is read out again
  box.dataset.key = key;
  box.replaceChildren(...list.map(({ title, lines, colour }) => {
    const banner = make("div", `banner ${colour}`);
    banner.append(make("strong", "", title), ...lines.filter(Boolean).map((line) => make("span", "", line)));
    return banner;
  }));
}

// A time, not an age: a banner that changed with each refresh would be read out with each.
const since = (at) => `Since ${new Date(at * 1000).toLocaleString()}.`;

function warnings(status) {
  const about = (each) => (each.subject ? ` (${each.subject})` : "");
  const list = status.halts.map((each) => ({
    title: each.cause === "paused" ? "Paused: nothing is sent, nothing is lost" : `Halted: ${each.cause.replaceAll("_", " ")}${about(each)}`,
    lines: [each.message, `To do: ${each.mend}`, since(each.since)], colour: each.cause === "paused" ? "amber" : "red",
  }));
  list.push(...status.troubles.map((each) => ({
    title: `${each.cause === "decoder_unavailable" ? "Records wait" : "Kafka"}: ${each.cause.replaceAll("_", " ")}${about(each)}`, lines: [each.message, `To do: ${each.mend}`, since(each.since)], colour: "red",
  })));
  if (status.gate) {
    list.push({
      title: "The API can't be reached or is overloaded: sending waits, nothing is lost", colour: "amber",
      lines: [`${status.gate.cause.replaceAll("_", " ")}: ${status.gate.message}`, since(status.gate.since)],
    });
  }
  return list;
}

let last = null;
let lastAt = 0;
let failedSince = 0;

function show(status) {
  const state = status.state.replaceAll("_", " ");
  byId("state").dataset.state = status.state;
  const left = status.state === "gate_closed" && status.gate && status.gate.seconds_left > 0 ? `, next trial in ${age(status.gate.seconds_left)}` : "";
  put(byId("state-text"), state + left);
  document.title = `${state} · Pushwoosh connector`;
  put(byId("facts"), [`version ${status.version}`, `group ${status.group || "–"}`, `member ${status.member || "–"}`,
    `up ${age(status.uptime)}`, `${count(status.partitions.length)} partitions`].join("  ·  "));
  banners(warnings(status));
  for (const part of [tiles, chart, partitions, jobs, errors, configuration]) part(status);
  shares("settled", status.settled, (name) => name === "dead_letter");
  shares("reasons", status.dead_letters, () => true);
  shares("owed", status.dead_letters_owed, () => true);
  byId("owed-part").hidden = !sum(Object.values(status.dead_letters_owed));
}

function unreachable() {
  byId("state").dataset.state = "unreachable";
  put(byId("state-text"), "no answer");
  document.title = "no answer · Pushwoosh connector";
  const shown = last ? `What is shown is from ${new Date(lastAt).toLocaleTimeString()}.` : "";
  banners([{ title: "The connector does not answer", lines: [`No answer since ${new Date(failedSince).toLocaleTimeString()}.`, shown], colour: "red" }]);
}

async function refresh() {
  try {
    const answer = await fetch("status.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    last = await answer.json();
    lastAt = Date.now();
    failedSince = 0;
  } catch {
    failedSince ||= Date.now();
    unreachable();
    return;
  }
  show(last);
}

// Not called pause: what the page does is not what the connector does.
const button = byId("freeze");
const frozen = () => button.getAttribute("aria-pressed") === "true";
button.addEventListener("click", () => {
  button.setAttribute("aria-pressed", String(!frozen()));
  put(button, frozen() ? "Go on" : "Freeze page");
  turn();
});

let timer = 0;
async function turn() {
  clearTimeout(timer);
  if (frozen() || document.hidden) return clock();
  await refresh();
  clock();
  clearTimeout(timer);
  timer = setTimeout(turn, REFRESH);
}

function clock() {
  const when = lastAt ? new Date(lastAt).toLocaleTimeString() : "never";
  put(byId("updated"), `${frozen() ? "frozen" : "updated"} ${when}`);
}

document.addEventListener("visibilitychange", turn);
turn();
