// Search over all days: months of the index are loaded as script elements, newest first, and searched as they come.
const OUTCOME_PICK = "recommended";
const PAGE_SIZE = 100;
const months = new Map();
const arrived = new Map();
let loading = 0;
let limit = PAGE_SIZE;
const failedMonths = [];

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

window.rankerShard = (path, base64) => { arrived.set(path, base64); };

async function unpack(path) {
  const base64 = arrived.get(path);
  if (base64 === undefined) return false;
  arrived.delete(path);
  const text = await inflate(base64);
  const [head, ...columns] = text.split("\u001e");
  const header = JSON.parse(head);
  const [ids, days, fields, scores, outcomes, titles, reasons] = columns.map((column) => column.split("\n"));
  const size = columns[0] === "" ? 0 : ids.length;
  const lower = (column) => column.map((value) => value.toLowerCase());
  months.set(path, { header, size, ids, days, fields, scores, outcomes, titles, reasons,
    titlesLow: lower(titles), reasonsLow: lower(reasons) });
  return true;
}

function loadShards() {
  if (loading || !DATA.shards.length) return;
  loading = 1;
  if (typeof DecompressionStream === "undefined") { $("q-status").textContent = W.oldBrowser; return; }
  const next = (at) => {
    if (at === DATA.shards.length) { loading = 2; runSearch(); return; }
    const [path, month] = DATA.shards[at];
    loadScript(path, async (ok) => {
      let good = false;
      try { good = ok && await unpack(path); } catch { good = false; }
      if (!good) failedMonths.push(month);
      // Results of the newest months are there at once; the list is not redrawn for every month
      if (at === 0 || at % 6 === 5) runSearch();
      next(at + 1);
    });
  };
  next(0);
}

const wordsOf = (text) => [...text.toLowerCase().matchAll(/"([^"]+)"|(\S+)/g)].map((match) => match[1] || match[2]);

function matches(words) {
  const field = $("q-field").value;
  const from = $("q-from").value;
  const to = $("q-to").value;
  const picks = $("q-picks").checked;
  const hits = [];
  for (const month of months.values()) {
    const { header } = month;
    for (let n = 0; n < month.size; n += 1) {
      let inTitle = 0;
      let all = true;
      for (const word of words) {
        if (month.titlesLow[n].includes(word)) inTitle += 1;
        else if (!month.reasonsLow[n].includes(word) && !month.ids[n].includes(word)) { all = false; break; }
      }
      if (!all) continue;
      const day = `${header.month}-${month.days[n]}`;
      const outcome = header.outcomes[Number(month.outcomes[n])];
      const name = month.fields[n] === "" ? "" : header.fields[Number(month.fields[n])];
      if ((from && day < from) || (to && day > to) || (field && name !== field)) continue;
      if (picks && outcome !== OUTCOME_PICK) continue;
      const rank = inTitle * 100 + (outcome === OUTCOME_PICK ? 20 : 0) + Number(month.scores[n] || 0);
      hits.push({ month, n, day, outcome, name, rank });
    }
  }
  return hits.sort((a, b) => b.rank - a.rank || (a.day < b.day ? 1 : a.day > b.day ? -1 : a.n - b.n));
}

function marked(text, words) {
  const low = text.toLowerCase();
  const parts = [];
  let at = 0;
  // Lower case can change a text's length; then nothing is marked
  while (low.length === text.length && at < text.length) {
    let start = -1;
    let end = -1;
    for (const word of words) {
      const found = low.indexOf(word, at);
      if (found >= 0 && (start < 0 || found < start)) { start = found; end = found + word.length; }
    }
    if (start < 0) break;
    parts.push(text.slice(at, start), el("mark", { class: "hit" }, text.slice(start, end)));
    at = end;
  }
  return [...parts, text.slice(at)];
}

function hitItem({ month, n, day, outcome, name }, words) {
  const id = month.ids[n];
  const base = id.replace(/v\d+$/, "");
  const onPage = outcome === OUTCOME_PICK || outcome === "not_recommended";
  const href = `${day}${onPage ? "" : "-left-out"}.html#${encodeURIComponent("p" + base)}`;
  const meta = [day, id, name, outcome === OUTCOME_PICK ? "" : W[outcome]].filter(Boolean).join(" · ");
  const item = el("li", {},
    el("p", {}, el("span", { class: "num" }, month.scores[n] || "-"), " ",
      el("a", { href }, el("bdi", { lang: "en" }, ...marked(month.titles[n], words)))),
    el("p", { class: "fine" }, el("bdi", {}, meta), " · ",
      el("a", { href: "https://arxiv.org/abs/" + encodeURI(id), rel: "noopener noreferrer" }, "abs")));
  if (month.reasons[n]) item.append(el("p", { class: "reason" }, el("bdi", {}, ...marked(month.reasons[n], words))));
  return item;
}

function runSearch() {
  const words = wordsOf($("q").value);
  const filtered = $("q-field").value || $("q-from").value || $("q-to").value;
  const hash = words.length ? "#q=" + encodeURIComponent($("q").value) : "";
  if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname + location.search);
  if (!words.length && !filtered) {
    $("hits").replaceChildren();
    $("q-more").hidden = true;
    $("q-status").textContent = W.prompt;
    return;
  }
  loadShards();
  const hits = matches(words);
  $("hits").replaceChildren(...hits.slice(0, limit).map((hit) => hitItem(hit, words)));
  $("q-more").hidden = hits.length <= limit;
  const parts = [fill(W.found, { number: hits.length })];
  if (loading === 1) parts.push(fill(W.searching, { done: months.size, all: DATA.shards.length }));
  failedMonths.forEach((month) => parts.push(fill(W.shardFailed, { month })));
  $("q-status").textContent = parts.join(" · ");
  $("q-status").toggleAttribute("data-complete", loading === 2);
}

let pause = 0;
$("search").addEventListener("input", () => {
  limit = PAGE_SIZE;
  clearTimeout(pause);
  pause = setTimeout(runSearch, 120);
});
$("search").addEventListener("submit", (event) => { event.preventDefault(); runSearch(); });
$("q-more").textContent = W.more;
$("q-more").addEventListener("click", () => { limit += PAGE_SIZE; runSearch(); });
const asked = new URLSearchParams(location.hash.slice(1)).get("q");
if (asked) $("q").value = asked;
runSearch();
$("q").focus({ preventScroll: true });
