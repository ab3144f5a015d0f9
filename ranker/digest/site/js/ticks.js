// A reader's marks, kept in the browser (and by `ranker serve`, where it serves the page), one for each paper.
const TICK_NAMES = ["up", "down", "move", "later"];
const ticks = new Map();
const tickListeners = [];
let warned = false;

const idOf = (tick) => tick.arxiv_id;
const tickKey = "ticks:" + DATA.profile;

function isTick(row) {
  const text = (value) => typeof value === "string" && value.length > 0 && value.length <= 200;
  return row !== null && typeof row === "object" && text(row.arxiv_id) && text(row.day) && text(row.at)
    && text(row.profile)
    && (row.tick === null || TICK_NAMES.includes(row.tick))
    && (row.version === null || row.version === undefined || (Number.isInteger(row.version) && row.version > 0))
    && (row.field === null || row.field === undefined || typeof row.field === "string")
    && (row.tick !== "move" || text(row.field)) && !Number.isNaN(Date.parse(row.at));
}

// The later of two marks on a paper counts, wherever each was made.
function mergeTick(row) {
  const before = ticks.get(row.arxiv_id);
  if (before && Date.parse(before.at) > Date.parse(row.at)) return false;
  ticks.set(row.arxiv_id, {
    arxiv_id: row.arxiv_id, version: row.version ?? null, profile: row.profile, day: row.day,
    tick: row.tick, field: row.field ?? null, at: row.at,
  });
  return true;
}

function keepTicks() {
  if (!remember(tickKey, [...ticks.values()]) && !warned) {
    warned = true;
    say(W.noStorage);
  }
}

function readTicks() {
  const rows = recall(tickKey, []);
  if (Array.isArray(rows)) for (const row of rows) if (isTick(row)) mergeTick(row);
}

function tickOf(id) {
  const tick = ticks.get(id);
  return tick && tick.tick !== null ? tick : null;
}

function setTick(paper, name, field) {
  const now = tickOf(paper.id);
  const same = now && now.tick === name && (name !== "move" || now.field === field);
  const row = {
    arxiv_id: paper.id, version: paper.version, profile: DATA.profile, day: DATA.day,
    tick: same ? null : name, field: name === "move" ? field : (DATA.fields[paper.field] ?? null),
    at: new Date().toISOString(),
  };
  if (storage) readTicks(); // other tabs have marked too
  ticks.set(paper.id, row); // what a hand does now counts, whatever clock an imported mark had
  keepTicks();
  shelve([row]);
  sendTicks([row]);
  tickListeners.forEach((listener) => listener([paper.id]));
}

const livingTicks = () => [...ticks.values()].filter((tick) => tick.tick !== null);

function tickLines(onlyDay) {
  return livingTicks()
    .filter((tick) => !onlyDay || tick.day === DATA.day)
    .sort((a, b) => (a.day + idOf(a) < b.day + idOf(b) ? -1 : 1))
    .map((tick) => JSON.stringify(tick) + "\n")
    .join("");
}

function importTicks(text) {
  let number = 0;
  let bad = 0;
  const changed = [];
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    let row = null;
    try { row = JSON.parse(line); } catch { row = null; }
    if (!isTick(row) || row.profile !== DATA.profile) { bad += 1; continue; }
    number += 1;
    if (mergeTick(row)) changed.push(ticks.get(row.arxiv_id));
  }
  keepTicks();
  shelve(changed);
  sendTicks(changed);
  tickListeners.forEach((listener) => listener(changed.map(idOf)));
  return { number, bad };
}

// `ranker serve` puts a token into the page; without one nothing is ever sent.
const token = document.querySelector("meta[name=ranker-token]")?.content;

// Marks that the server has not taken yet, kept so that none is lost while it does not run.
const pending = new Set([].concat(recall("pending:" + DATA.profile, [])));
const keepPending = () => remember("pending:" + DATA.profile, [...pending]);

async function sendTicks(rows) {
  if (!token || !rows.length) return;
  rows.forEach((row) => pending.add(row.arxiv_id));
  keepPending();
  try {
    const answer = await fetch("/api/ticks", {
      method: "POST", body: rows.map((row) => JSON.stringify(row) + "\n").join(""),
      headers: { "Content-Type": "application/x-ndjson", "Authorization": "Bearer " + token },
    });
    if (!answer.ok) throw new Error(String(answer.status));
    // What was marked again meanwhile is still to be sent
    for (const row of rows) if (ticks.get(row.arxiv_id)?.at === row.at) pending.delete(row.arxiv_id);
    keepPending();
  } catch {
    say(W.serverOff);
  }
}

async function fetchTicks() {
  if (!token) return;
  try {
    const answer = await fetch("/api/ticks", { headers: { "Authorization": "Bearer " + token } });
    if (!answer.ok) throw new Error(String(answer.status));
    const stored = new Set();
    const rows = (await answer.text()).split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
    for (const row of rows.filter(isTick)) {
      stored.add(row.arxiv_id);
      mergeTick(row);
    }
    const before = [...ticks.keys()];
    // A mark that was stored once and is not any more was taken back elsewhere
    for (const id of before) if (!stored.has(id) && !pending.has(id)) ticks.delete(id);
    keepTicks();
    tickListeners.forEach((listener) => listener(before));
    await sendTicks([...pending].map((id) => ticks.get(id)).filter(Boolean));
  } catch {
    say(W.serverOff);
  }
}

function showTickCount() {
  const number = livingTicks().length;
  $("tick-count").textContent = number ? String(number) : "";
}

readTicks();
tickListeners.push(showTickCount);
addEventListener("storage", (event) => {
  if (event.key !== "ranker:" + tickKey) return;
  readTicks();
  tickListeners.forEach((listener) => listener([...ticks.keys()]));
});
