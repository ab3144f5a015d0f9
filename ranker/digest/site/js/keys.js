// Keys: one letter each, never while typing, never with a modifier.
let current = null;

function setCurrent(card, scroll) {
  if (current) current.classList.remove("current");
  current = card;
  if (!card) return;
  card.classList.add("current");
  equip(card);
  card.focus({ preventScroll: true });
  if (scroll) card.scrollIntoView({ block: "center", behavior: "instant" });
}

function walk(step) {
  const list = [...document.querySelectorAll(".card:not([hidden])")]
    .filter((card) => !card.closest("section[hidden]") && !card.closest(".rest[hidden], .rest:not([open])"));
  if (!list.length) return;
  const at = list.indexOf(current);
  const next = at < 0 ? (step > 0 ? 0 : list.length - 1) : at + step;
  if (next >= 0 && next < list.length) setCurrent(list[next], true);
}

const onCard = (action) => () => { if (current && !current.hidden) action(current); };
const KEYS = {
  j: () => walk(1),
  k: () => walk(-1),
  o: onCard((card) => openCard(card)),
  v: onCard((card) => { markRead(card, true); window.open(card.querySelector("a.title").href, "_blank", "noopener"); }),
  u: onCard((card) => tickCard(card, "up")),
  d: onCard((card) => tickCard(card, "down")),
  l: onCard((card) => tickCard(card, "later")),
  m: onCard((card) => card.querySelector(".move").focus()),
  x: onCard((card) => toggleSelected(card)),
  r: onCard((card) => markRead(card, !readIds.has(paperOf(card).id))),
  "/": () => $("f-text")?.focus(),
  "?": openHelp,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, select, textarea, dialog")) {
    if (event.key === "Escape" && !event.target.closest("dialog")) {
      event.target.blur();
      if (current) current.focus({ preventScroll: true });
    }
    return;
  }
  const action = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (!action) return;
  event.preventDefault();
  action();
});
document.addEventListener("focusin", (event) => {
  const card = event.target.closest(".card");
  if (card && card !== current) {
    if (current) current.classList.remove("current");
    current = card;
    card.classList.add("current");
  }
});
