// BibTeX and RIS of the selection, and the bar that offers them. The entries came with the page.
const bibtex = (list) => list.map((paper) => paper.bibtex).join("\n");
const ris = (list) => list.map((paper) => paper.ris).join("");

const chosen = () => [...selected].sort((a, b) => a - b).map((n) => papers[n]);

function toggleSelected(card) {
  const { n } = paperOf(card);
  if (selected.has(n)) selected.delete(n); else selected.add(n);
  showState(card);
  showSelection();
}

function clearSelection() {
  const before = [...selected];
  selected.clear();
  before.forEach((n) => showState(cards[n]));
  showSelection();
}

function selectShown() {
  for (const card of document.querySelectorAll(".card:not([hidden])")) {
    if (!card.closest("[hidden]") && !card.closest(".rest:not([open])")) selected.add(paperOf(card).n);
  }
  selected.forEach((n) => showState(cards[n]));
  showSelection();
}

function showSelection() {
  const bar = $("selection");
  bar.hidden = selected.size === 0;
  document.body.classList.toggle("has-selection", selected.size > 0);
  if (!bar.firstChild) {
    const both = (what, make, name, type) => [
      el("button", { type: "button", class: "copy-" + what.toLowerCase(), onclick: async () => {
        const text = make(chosen());
        if (!await copyText(text)) textDialog("copy-dialog", what, text);
      } }, fill(W.copy, { what })),
      el("button", { type: "button", class: "save-" + what.toLowerCase(),
        onclick: () => saveFile(name, make(chosen()), type) }, fill(W.save, { what })),
    ];
    bar.append(el("b", { id: "selected-count" }), ...both("BibTeX", bibtex, `${DATA.day}.bib`, "application/x-bibtex"),
      ...both("RIS", ris, `${DATA.day}.ris`, "application/x-research-info-systems"),
      el("button", { type: "button", onclick: selectShown }, W.selectShown),
      el("button", { type: "button", onclick: clearSelection }, W.clear));
  }
  $("selected-count").textContent = fill(W.selected, { number: selected.size });
}
