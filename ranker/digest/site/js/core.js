// What every page has: its data, small DOM helpers, storage that may be forbidden, one line of status.
const DATA = JSON.parse(document.getElementById("data").textContent);
const W = DATA.words;
const $ = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => String(values[key]));

// Never markup: every text that reaches the page from here is a text node or an attribute value of a known name.
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

const storage = (() => {
  try {
    localStorage.setItem("ranker:probe", "1");
    localStorage.removeItem("ranker:probe");
    return localStorage;
  } catch {
    return null;
  }
})();

function recall(key, otherwise) {
  try {
    const text = storage && storage.getItem("ranker:" + key);
    return text ? JSON.parse(text) : otherwise;
  } catch {
    return otherwise; // somebody else wrote there, or it was cut off
  }
}

function remember(key, value) {
  try {
    if (!storage) return false;
    storage.setItem("ranker:" + key, JSON.stringify(value));
    return true;
  } catch {
    return false; // full, or forbidden since
  }
}

let statusTimer = 0;
function say(text) {
  const box = $("status");
  box.textContent = text;
  clearTimeout(statusTimer);
  statusTimer = setTimeout(() => { box.textContent = ""; }, 6000);
}

function saveFile(name, text, type) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(fill(W.saved, { name }));
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(W.copied);
    return true;
  } catch {
    return false; // no permission, or no secure context
  }
}

function loadScript(path, done) {
  const script = el("script", { src: path, onload: () => done(true), onerror: () => done(false) });
  document.head.append(script);
  script.remove();
}

// The papers of a day as named values; the order is that of views.data_row.
const papers = (DATA.papers || []).map(
  ([id, version, title, authors, date, categories, field, score, similarity, picked, bibtex, ris], n) => (
    { n, id, version, title, authors, date, categories, field, score, similarity, picked: picked === 1, bibtex, ris }));

for (const node of document.querySelectorAll("[data-js]")) node.hidden = false;
