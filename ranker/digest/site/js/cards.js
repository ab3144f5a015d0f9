// The cards: buttons appear as a card comes near the window, so that 900 papers cost no 4,500 buttons at once.
const cards = [...document.querySelectorAll(".card")].sort((a, b) => a.dataset.n - b.dataset.n);
const readKey = "read:" + DATA.profile;
const readIds = new Set([].concat(recall(readKey, [])).filter((id) => typeof id === "string"));
const selected = new Set();

const paperOf = (card) => papers[Number(card.dataset.n)];
const cardOf = (id) => { const paper = papers.find((one) => one.id === id); return paper && cards[paper.n]; };

function markRead(card, read) {
  const { id } = paperOf(card);
  if (readIds.has(id) === read) return;
  if (read) readIds.add(id); else readIds.delete(id);
  remember(readKey, [...readIds].slice(-20000));
  showState(card);
}

function tickCard(card, name, field) {
  setTick(paperOf(card), name, field);
  if (name !== "later") markRead(card, true);
}

function button(name, text) {
  return el("button", { type: "button", class: "act " + name, "data-act": name, "aria-pressed": "false" }, text);
}

function equip(card) {
  const acts = card.querySelector(".acts");
  if (acts.firstChild) return;
  const paper = paperOf(card);
  const move = el("select", { class: "move", "aria-label": W.move },
    el("option", { value: "" }, W.move),
    ...DATA.fields.map((name, place) => el("option", { value: String(place), disabled: place === paper.field }, name)));
  acts.append(button("up", "↑ " + W.up), button("down", "↓ " + W.down), button("later", W.later), move,
    el("label", { class: "check" }, el("input", { type: "checkbox", class: "pick" }), " " + W.select));
  showState(card);
}

function showState(card) {
  const paper = paperOf(card);
  const tick = tickOf(paper.id);
  card.classList.toggle("is-read", readIds.has(paper.id));
  card.classList.toggle("is-selected", selected.has(paper.n));
  for (const name of TICK_NAMES) card.classList.toggle("tick-" + name, Boolean(tick) && tick.tick === name);
  for (const node of card.querySelectorAll(".act")) {
    node.setAttribute("aria-pressed", String(Boolean(tick) && tick.tick === node.dataset.act));
  }
  const move = card.querySelector(".move");
  if (!move) return;
  const moved = tick && tick.tick === "move" ? tick.field : null;
  const place = DATA.fields.indexOf(moved);
  move.value = place >= 0 ? String(place) : "";
  move.classList.toggle("on", moved !== null);
  card.querySelector(".pick").checked = selected.has(paper.n);
}

function openCard(card, open) {
  const details = card.querySelector("details");
  if (!details) return;
  details.open = open === undefined ? !details.open : open;
}

function drawSimilarities(card) {
  for (const row of card.querySelectorAll(".sims li")) {
    row.style.setProperty("--v", String(Math.max(0, Math.min(1, Number(row.dataset.v) || 0))));
  }
}

document.addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  const act = event.target.closest(".act");
  if (act) tickCard(card, act.dataset.act);
  else if (event.target.closest("a")) markRead(card, true);
});
document.addEventListener("change", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  if (event.target.matches(".pick")) toggleSelected(card);
  if (event.target.matches(".move")) {
    const { value } = event.target;
    const now = tickOf(paperOf(card).id);
    if (value !== "") tickCard(card, "move", DATA.fields[Number(value)]);
    else if (now && now.tick === "move") tickCard(card, "move", now.field);
  }
});
document.addEventListener("toggle", (event) => {
  const card = event.target.closest && event.target.closest(".card");
  if (!card || !event.target.open) return;
  drawSimilarities(card);
  markRead(card, true);
}, true);
document.addEventListener("focusin", (event) => {
  const card = event.target.closest(".card");
  if (card) equip(card);
});

const nearby = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    nearby.unobserve(target);
    equip(target);
  }
}, { rootMargin: "600px" });
cards.forEach((card) => nearby.observe(card));
tickListeners.push((ids) => ids.map(cardOf).filter(Boolean).forEach(showState));
