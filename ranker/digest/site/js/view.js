// Sort, filter, group: the same cards in another order and place; nothing is made or lost.
const controls = Object.fromEntries(["text", "sort", "show", "group", "field", "score", "author", "category", "state"]
  .map((name) => [name, $("f-" + name)]));
const flat = $("flat");
const sections = [...document.querySelectorAll("section.field")].map((node) => ({
  node, picks: node.querySelector("ol.picks"), rest: node.querySelector(".rest ol"), fold: node.querySelector(".rest"),
  count: node.querySelector("h2 .count"), cards: [...node.querySelectorAll(".card")],
}));
const homes = new Map(sections.flatMap((section) => section.cards.map((card) => [card, section])));
const texts = new Map();

const number = (value) => (value === null ? -Infinity : value);
const byScore = (a, b) => number(b.score) - number(a.score) || number(b.similarity) - number(a.similarity)
  || (a.id < b.id ? -1 : 1);
const ORDERS = {
  score: byScore,
  similarity: (a, b) => number(b.similarity) - number(a.similarity) || byScore(a, b),
  date: (a, b) => (a.date === b.date ? byScore(a, b) : a.date < b.date ? 1 : -1),
};

function textOf(paper) {
  if (!texts.has(paper.n)) {
    const parts = [".reason", ".abstract", "dl"].map((name) => cards[paper.n].querySelector(name)?.textContent || "");
    texts.set(paper.n, [paper.id, paper.title, paper.authors.join(" "), ...parts].join("\n").toLowerCase());
  }
  return texts.get(paper.n);
}

function tests() {
  const found = [];
  const words = controls.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) found.push((paper) => words.every((word) => textOf(paper).includes(word)));
  const author = controls.author.value.trim().toLowerCase();
  if (author) found.push((paper) => paper.authors.join(", ").toLowerCase().includes(author));
  if (controls.field.value) found.push((paper) => String(paper.field) === controls.field.value);
  const least = parseFloat(controls.score.value);
  // Compared as shown: a paper that reads 8.0 passes 8
  if (!Number.isNaN(least)) found.push((paper) => paper.score !== null && Number(paper.score.toFixed(1)) >= least);
  if (controls.category.value) found.push((paper) => paper.categories.includes(controls.category.value));
  const state = {
    unread: (paper) => !readIds.has(paper.id), read: (paper) => readIds.has(paper.id),
    ticked: (paper) => tickOf(paper.id) !== null, unticked: (paper) => tickOf(paper.id) === null,
    later: (paper) => tickOf(paper.id)?.tick === "later",
  }[controls.state.value];
  if (state) found.push(state);
  return found;
}

function place(list, wanted) {
  // Cards are moved only where the order really changed: moving drops focus and costs layout
  const now = [...list.children];
  if (now.length === wanted.length && now.every((card, at) => card === wanted[at])) return;
  list.replaceChildren(...wanted);
}

function applyView() {
  const checks = tests();
  const all = controls.show.value === "all";
  const order = ORDERS[controls.sort.value] || byScore;
  const grouped = controls.group.checked;
  const active = document.activeElement;
  let shown = 0;
  for (const paper of papers) {
    const passes = checks.every((check) => check(paper));
    const card = cards[paper.n];
    card.hidden = !passes;
    if (passes && (all || paper.picked)) shown += 1;
  }
  const sorted = [...papers].sort(order).map((paper) => cards[paper.n]);
  const visible = (card) => !card.hidden;
  flat.hidden = grouped;
  place(flat.querySelector("ol"), grouped ? [] : sorted.filter((card) => all || paperOf(card).picked));
  for (const section of sections) {
    const mine = sorted.filter((card) => homes.get(card) === section);
    const upper = mine.filter((card) => all || paperOf(card).picked || !section.rest);
    const lower = mine.filter((card) => !upper.includes(card));
    if (grouped) {
      place(section.picks, upper);
      if (section.rest) place(section.rest, lower);
    }
    if (section.fold) section.fold.hidden = all || !lower.some(visible);
    const number_ = upper.filter(visible).length;
    section.count.textContent = String(number_);
    section.node.hidden = !grouped || (number_ === 0 && (checks.length > 0 || !section.fold));
  }
  if (!grouped) for (const section of sections) section.node.hidden = true;
  $("none-shown").hidden = shown > 0;
  $("f-count").textContent = fill(W.shown, { number: shown, total: papers.filter((one) => all || one.picked).length });
  const extra = ["field", "score", "author", "category", "state"].filter((name) => controls[name].value !== "").length;
  $("f-active").textContent = extra ? `(${extra})` : "";
  if (active && active !== document.activeElement && active.isConnected) active.focus({ preventScroll: true });
}

let waiting = 0;
$("filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(applyView, 60); });
$("filters").addEventListener("submit", (event) => { event.preventDefault(); applyView(); });
$("filters").addEventListener("reset", () => setTimeout(applyView, 0));
// A filter by state follows at the next change of the filters: cards must not vanish under the hand
applyView();
