// Dialogs: built when first opened, closed by Escape, by their button and by a click beside them.
function dialog(id, title, build) {
  let box = $(id);
  if (!box) {
    const body = el("div", { class: "dialog-body" });
    box = el("dialog", { id, "aria-labelledby": id + "-title" },
      el("form", { method: "dialog", class: "dialog-head" },
        el("h2", { id: id + "-title" }, title), el("button", { class: "close" }, W.close)),
      body);
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    document.body.append(box);
  }
  const body = box.querySelector(".dialog-body");
  body.replaceChildren();
  build(body);
  if (!box.open) box.showModal();
  return box;
}

function textDialog(id, title, text) {
  dialog(id, title, (body) => {
    const area = el("textarea", { readonly: true, rows: "12", "aria-label": title, spellcheck: "false" });
    area.value = text;
    body.append(el("p", {}, W.copyFailed), area);
    setTimeout(() => area.select(), 0);
  });
}

function openTicks() {
  dialog("ticks-dialog", document.querySelector("#open-ticks").firstChild.textContent.trim(), (body) => {
    const area = el("textarea", { readonly: true, rows: "6", "aria-label": W.exported, spellcheck: "false" });
    const onlyDay = el("input", { type: "checkbox", id: "only-day" });
    const show = () => { area.value = tickLines(onlyDay.checked); };
    onlyDay.addEventListener("change", show);
    const name = () => `ticks-${DATA.profile}${onlyDay.checked ? "-" + DATA.day : ""}.jsonl`.replace(/[^\w.-]+/g, "_");
    const scope = DATA.day ? [el("label", { class: "check" }, onlyDay, " " + W.scopeDay)] : [];
    body.append(
      el("h3", {}, W.export), el("p", { class: "note" }, W.exportNote), ...scope, area,
      el("p", { class: "buttons" },
        el("button", { type: "button", id: "save-ticks",
          onclick: () => saveFile(name(), area.value, "application/x-ndjson") }, fill(W.save, { what: "JSONL" })),
        el("button", { type: "button", onclick: async () => {
          if (!await copyText(area.value)) { area.select(); say(W.copyFailed); }
        } }, fill(W.copy, { what: "JSONL" }))));
    const pasted = el("textarea", { rows: "4", "aria-label": W.pasted, id: "paste-ticks", spellcheck: "false" });
    const report = el("p", { class: "note", id: "import-report", role: "status" });
    const take = (text) => { report.textContent = fill(W.imported, importTicks(text)); show(); };
    const file = el("input", { type: "file", id: "ticks-file", accept: ".jsonl,.json,.txt" });
    file.addEventListener("change", async () => { if (file.files[0]) take(await file.files[0].text()); });
    body.append(
      el("h3", {}, W.import), el("p", { class: "note" }, W.importNote),
      el("p", {}, el("label", {}, W.file + " ", file)), pasted,
      el("p", { class: "buttons" },
        el("button", { type: "button", id: "import-ticks", onclick: () => take(pasted.value) }, W.import)),
      report);
    if (!storage) body.prepend(el("p", { class: "notice" }, W.noStorage));
    else if (token) body.prepend(el("p", { class: "note" }, W.serverOn));
    show();
  });
}

function openHelp() {
  dialog("help-dialog", W.keysTitle, (body) => {
    body.append(el("dl", { class: "keys" }, ...W.keys.split("|").flatMap((pair) => {
      const at = pair.indexOf(":");
      return [el("dt", {}, el("kbd", {}, pair.slice(0, at))), el("dd", {}, pair.slice(at + 1))];
    })));
  });
}

$("open-ticks").addEventListener("click", openTicks);
