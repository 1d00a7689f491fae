// The page of the on-screen terminal: what the visitor does goes to it, what it tells is shown. No text stands here.

import { Ring, counts } from "./ring.js";

const ROWS_SHOWN = 14;
const SAID_SHOWN = 8;
const LONGEST_MS = 60000; // longer presses are told as this, and last as long as they last
const PRESS_MS = 120; // of a press that has no length, as a screen reader gives it

const lang = document.documentElement.lang;
const byId = (id) => document.getElementById(id);
const all = (selector, parent = document) => [...parent.querySelectorAll(selector)];

// ---- words ----

const words = new Map(all("[data-word]", byId("words").content).map((one) => [one.dataset.word, one.textContent]));
const whole = new Intl.NumberFormat(lang);
const milliseconds = new Intl.NumberFormat(lang, { style: "unit", unit: "millisecond", unitDisplay: "short" });
const seconds = new Intl.NumberFormat(lang, {
  style: "unit", unit: "second", unitDisplay: "short", minimumFractionDigits: 1, maximumFractionDigits: 1,
});

function word(name, values = {}) {
  return words.get(name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

function span(time) {
  if (time === null) return "";
  return time < 1 ? milliseconds.format(Math.round(1000 * time)) : seconds.format(time);
}

function face(button) {
  const name = word(`face-${button}`);
  return name.slice(0, 1).toLocaleUpperCase(lang) + name.slice(1);
}

function say(name, values) {
  const line = document.createElement("p");
  line.textContent = word(name, values);
  byId("said").append(line);
  while (byId("said").children.length > SAID_SHOWN) byId("said").firstChild.remove();
}

function setState(name, values, isBad = false) {
  byId("live").textContent = word(name, values);
  byId("live").classList.toggle("bad", isBad);
}

// ---- the connection ----

let socket = null;
let pauseS = 1;
let wanted = sessionStorage.getItem("hymio-terminal");

function tell(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function connect() {
  setState("connecting");
  const address = new URL("/training/terminal", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (wanted) address.searchParams.set("wanted", wanted);
  let over = null;
  socket = new WebSocket(address);
  socket.addEventListener("message", (message) => {
    const told = JSON.parse(message.data);
    if (told.kind === "over") over = told;
    else take(told);
  });
  socket.addEventListener("close", () => {
    socket = null;
    enable(false);
    fingers.clear();
    lightsOut();
    if (over && over.why !== "full") {
      setState(`over-${over.why}`, { minutes: whole.format(Math.round(over.after_s / 60)), message: over.message }, true);
      offerAgain();
      return;
    }
    const values = { seconds: whole.format(pauseS), count: whole.format(over?.terminals ?? 0) };
    setState(over ? "over-full" : "lost-connection", values, true);
    setTimeout(connect, 1000 * pauseS);
    pauseS = Math.min(30, 2 * pauseS);
  });
}

function offerAgain() {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = word("again");
  button.addEventListener("click", connect);
  byId("live").append(" ", button);
}

// ---- what is told ----

let ring = null;
let acked = -1;
let outbox = 0;
const presses = new Map(); // by push

function take(told) {
  switch (told.kind) {
    case "welcome":
      wanted = told.device_id;
      sessionStorage.setItem("hymio-terminal", wanted);
      byId("device").textContent = wanted;
      ring = new Ring(byId("ring"), told.sectors, told.slots);
      pauseS = 1;
      break;
    case "starting":
      ring = new Ring(byId("ring"), ring.sectors.length, ring.slots); // another chip: nothing was erased
      enable(false);
      lightsOut();
      setState(told.history ? "starting-history" : "starting");
      presses.clear();
      byId("way").tBodies[0].replaceChildren();
      showLedger(null);
      setPower(true);
      setWifi(true);
      acked = -1;
      outbox = 0;
      break;
    case "event":
      happened(told.event);
      break;
    case "presses":
      told.presses.forEach(showPress);
      break;
    case "ring":
      showRing(told);
      break;
    case "books":
      showLedger(told.ledger);
      break;
    case "scene":
      showScene(told);
      break;
    case "refused":
      say("said-error", { message: told.message });
      break;
  }
}

let playedBefore = 0;

function showScene(told) {
  for (const button of all("[data-scene]")) button.classList.toggle("playing", told.on && button.dataset.scene === told.name);
  byId("stop").disabled = !told.on;
  // Whoever hears the page could not follow a rush hour press by press.
  byId("said").setAttribute("aria-live", told.on ? "off" : "polite");
  if (told.on) {
    playedBefore = presses.size;
    return;
  }
  const played = [...presses.values()].slice(playedBefore);
  const counted = played.filter((press) => press.verdict === "counted").length;
  say("said-scene", { count: whole.format(played.length), counted: whole.format(counted) });
}

function happened(event) {
  switch (event.event) {
    case "ready":
      setState("live");
      enable(true);
      say("said-ready");
      break;
    case "press":
      byButton(event.button).classList.add("down");
      break;
    case "release":
      byButton(presses.get(event.push)?.button ?? 0)?.classList.remove("down");
      break;
    case "led":
      byButton(event.led).classList.toggle("lit", event.on);
      break;
    case "power":
      setPower(event.on);
      if (!event.on) lightsOut();
      say(event.on ? "said-power-on" : "said-power-off");
      break;
    case "wifi":
      setWifi(event.on);
      say(event.on ? "said-wifi-on" : "said-wifi-off");
      break;
    case "time": {
      const format = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
      say("said-time", { moment: format.format(1000 * event.utc) });
      break;
    }
    case "folded":
      say("said-folded", { face: face(event.button), count: whole.format(event.count) });
      break;
    case "error":
      say("said-error", { message: event.message });
      break;
  }
}

// ---- presses ----

const STAGES = ["flash_s", "thanked_s", "published_s", "committed_s", "acked_s"];

function showPress(press) {
  const before = presses.get(press.push);
  presses.set(press.push, press);
  tellPress(press, before);
  let row = byId(`push-${press.push}`);
  if (!row) {
    row = byId("way").tBodies[0].insertRow(0);
    row.id = `push-${press.push}`;
    const head = document.createElement("th");
    head.scope = "row";
    row.append(head);
    for (let cell = 0; cell <= STAGES.length; cell++) row.insertCell();
    const rows = byId("way").tBodies[0].rows;
    if (rows.length > ROWS_SHOWN) rows[rows.length - 1].remove();
  }
  if (!row.cells[0].firstChild) {
    row.cells[0].append(byId("tokens").content.children[press.button - 1].cloneNode(), document.createElement("span"));
  }
  const held = { face: face(press.button), time: press.held_ms === null ? "" : span(press.held_ms / 1000) };
  row.cells[0].lastChild.textContent = word(press.held_ms === null ? "holding" : "held", held);
  row.cells[1].textContent = press.end && press.end !== "folded" ? word(`end-${press.end}`) : press.verdict ? word(`verdict-${press.verdict}`) : "";
  row.className = press.end && press.end !== "folded" ? "ended" : press.verdict === "counted" ? "counts" : "";
  let reached = 0;
  STAGES.forEach((stage, place) => {
    const cell = row.cells[place + 2];
    const time = span(press[stage]);
    if (cell.textContent !== time) cell.textContent = time;
    cell.classList.toggle("reached", press[stage] !== null);
    if (press[stage] !== null) reached = place + 1;
  });
  row.dataset.reached = reached;
}

function tellPress(press, before) {
  const values = { face: face(press.button), time: span(press.flash_s), verdict: press.verdict && word(`verdict-${press.verdict}`) };
  if (press.end !== (before?.end ?? null)) {
    if (["unpowered", "unnoticed", "cut"].includes(press.end)) say(`said-${press.end}`, values);
  } else if (press.flash_s !== null && (before?.flash_s ?? null) === null && press.end === null) {
    say(press.verdict === "counted" ? "said-counted" : "said-other", values);
  } else if (before?.verdict && press.verdict !== before.verdict) {
    say("said-amended", values);
  }
}

// ---- flash and ledger ----

function showRing(told) {
  acked = told.acked_seq;
  for (const erased of ring.show(told.sectors, acked, told.next_seq)) {
    const values = { sector: whole.format(erased.place + 1), count: whole.format(erased.unsent) };
    say(erased.unsent ? "said-erased-unsent" : "said-erased", values);
  }
  if (outbox && !told.outbox.presses) say("said-arrived");
  outbox = told.outbox.presses;
  byId("outbox").textContent = whole.format(outbox);
  const rows = byId("sectors").tBodies[0];
  let used = 0;
  let open = 0;
  let presses = 0;
  ring.sectors.forEach((sector, place) => {
    const row = rows.rows[place] ?? rows.insertRow();
    const found = counts(sector.letters, ring.slots);
    const values = [place + 1, word(`sector-${sector.state}`), found.votes, found.presses, found.records, found.free];
    values.forEach((value, column) => {
      const cell = row.cells[column] ?? row.insertCell();
      cell.textContent = typeof value === "number" ? whole.format(value) : value;
    });
    if (sector.group.classList.contains("open")) open = place + 1;
    used += ring.slots - found.free;
    presses += found.votes + found.presses;
  });
  const values = { sector: open, sectors: ring.sectors.length, used, slots: ring.sectors.length * ring.slots };
  values.presses = presses;
  values.acked = presses - told.outbox.records;
  for (const [name, value] of Object.entries(values)) values[name] = whole.format(value);
  byId("ring-text").textContent = word("ring-text", values);
}

function showLedger(ledger) {
  for (const figure of all("[data-figure]")) {
    const value = ledger?.[figure.dataset.figure];
    figure.textContent = value === undefined || value === null ? "–" : whole.format(value);
  }
  byId("ledger").classList.toggle("balanced", Boolean(ledger?.balanced));
  byId("balance").textContent = balance(ledger);
}

function balance(ledger) {
  if (!ledger) return word("no-ledger");
  if (!ledger.balanced) return word("not-balanced", { count: whole.format(ledger.waiting) });
  return word(ledger.duplicates ? "balanced-twice" : "balanced", { count: whole.format(ledger.duplicates) });
}

// ---- the stand ----

let isPowered = true;
let hasWifi = true;

function byButton(button) {
  return document.querySelector(`.press[data-button="${button}"]`);
}

function setPower(on) {
  isPowered = on;
  byId("stand").dataset.power = on ? "on" : "off";
  byId("power").textContent = word(on ? "power-off" : "power-on");
  byId("lamp-power").classList.toggle("on", on);
}

function setWifi(on) {
  hasWifi = on;
  byId("wifi").textContent = word(on ? "wifi-off" : "wifi-on");
  byId("lamp-wifi").classList.toggle("on", on);
}

function lightsOut() {
  for (const one of all(".press")) one.classList.remove("lit", "down");
}

function enable(on) {
  for (const one of all(".controls button")) one.disabled = !on || (one.id === "stop" && !one.classList.contains("playing"));
}

// ---- fingers ----

const fingers = new Map(); // buttons with a finger of this page on them, and since when

function down(button) {
  if (fingers.has(button)) return;
  fingers.set(button, performance.now());
  tell({ do: "down", button });
}

function up(button) {
  const since = fingers.get(button);
  // With its length: a busy network or computer may bring both words in one instant.
  if (fingers.delete(button)) tell({ do: "up", button, ms: Math.min(LONGEST_MS, Math.max(1, Math.round(performance.now() - since))) });
}

for (const one of all(".press")) {
  const button = Number(one.dataset.button);
  one.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    one.setPointerCapture(event.pointerId);
    down(button);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) one.addEventListener(name, () => up(button));
  one.addEventListener("contextmenu", (event) => event.preventDefault());
  one.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) down(button);
  });
  one.addEventListener("keyup", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault(); // no click after it
    up(button);
  });
  // A screen reader clicks without a finger or a key.
  one.addEventListener("click", (event) => {
    if (event.detail === 0) tell({ do: "press", button, ms: PRESS_MS });
  });
}

function isNotMeant(event) {
  return !byId("by-keys").checked || event.ctrlKey || event.altKey || event.metaKey || event.target.matches?.("input:not([type=checkbox])");
}

document.addEventListener("keydown", (event) => {
  if (/^[1-4]$/.test(event.key) && !event.repeat && !isNotMeant(event)) down(Number(event.key));
});
document.addEventListener("keyup", (event) => {
  if (/^[1-4]$/.test(event.key)) up(Number(event.key));
});
addEventListener("blur", () => [...fingers.keys()].forEach(up));

// ---- controls ----

byId("power").addEventListener("click", () => tell({ do: "power", on: !isPowered }));
byId("wifi").addEventListener("click", () => tell({ do: "wifi", on: !hasWifi }));
byId("stop").addEventListener("click", () => tell({ do: "stop" }));
for (const one of all("[data-scene]")) one.addEventListener("click", () => tell({ do: "scene", name: one.dataset.scene }));
for (const one of all("[data-renew]")) {
  one.addEventListener("click", () => tell({ do: "renew", history: one.dataset.renew === "history" }));
}

function showNow() {
  byId("utc").value = new Date().toISOString().slice(0, 16);
}

byId("clock").addEventListener("submit", (event) => {
  event.preventDefault();
  tell({ do: "time", utc: Date.parse(`${byId("utc").value}Z`) / 1000 });
});
byId("now").addEventListener("click", () => {
  showNow();
  tell({ do: "time", utc: Date.now() / 1000 });
});

showNow();
connect();
