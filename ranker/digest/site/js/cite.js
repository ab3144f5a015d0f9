// BibTeX and RIS of the selection, and the bar that offers them.
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

function bibText(text) {
  // Formulas stay as they are, where their braces balance; outside them every special character is escaped.
  return text.split(/(\$[^$]+\$)/).map((part, at) => {
    const balanced = (part.match(/\{/g) || []).length === (part.match(/\}/g) || []).length;
    if (at % 2 && balanced && !part.includes("%")) return part;
    return part.replace(/[\\{}%&#_$~^]/g, (char) => ({
      "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    }[char] || "\\" + char));
  }).join("");
}

function bibKey(paper, taken) {
  const last = (paper.authors[0] || "").split(" ").pop().normalize("NFKD").replace(/[^A-Za-z]/g, "").toLowerCase();
  const word = (paper.title.match(/[A-Za-z]{4,}/) || [""])[0].toLowerCase();
  const base = (last || "paper") + yearOf(paper) + word;
  let key = base;
  for (let n = 2; taken.has(key); n += 1) key = base + n;
  taken.add(key);
  return key;
}

const yearOf = (paper) => (/^\d{4}/.exec(paper.date || DATA.day) || [""])[0];
const full = (paper) => paper.id + (paper.version ? "v" + paper.version : "");

function bibtex(list) {
  const taken = new Set();
  return list.map((paper) => {
    const month = MONTHS[Number((paper.date || DATA.day).slice(5, 7)) - 1];
    const rows = [
      ["title", `{{${bibText(paper.title)}}}`],
      ["author", `{${paper.authors.map(bibText).map((name) => (name.includes(",") || / and /i.test(name) ? `{${name}}` : name)).join(" and ")}}`],
      ["year", `{${yearOf(paper)}}`], ...(month ? [["month", month]] : []),
      ["eprint", `{${bibText(paper.id)}}`], ["archiveprefix", "{arXiv}"],
      ...(paper.categories[0] ? [["primaryclass", `{${bibText(paper.categories[0])}}`]] : []),
      ["url", `{https://arxiv.org/abs/${encodeURI(full(paper))}}`],
    ];
    return `@misc{${bibKey(paper, taken)},\n${rows.map(([key, value]) => `  ${key} = ${value}`).join(",\n")}\n}\n`;
  }).join("\n");
}

function ris(list) {
  return list.map((paper) => [
    ["TY", "PREP"], ["TI", paper.title], ...paper.authors.map((name) => ["AU", name]), ["PY", yearOf(paper)],
    ["DA", (paper.date || DATA.day).slice(0, 10).replace(/-/g, "/")], ["PB", "arXiv"], ["AN", "arXiv:" + full(paper)],
    ...paper.categories.map((name) => ["KW", name]), ["UR", "https://arxiv.org/abs/" + encodeURI(full(paper))], ["ER", ""],
  ].map(([key, value]) => `${key}  - ${value}`).join("\r\n") + "\r\n").join("\r\n");
}

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
