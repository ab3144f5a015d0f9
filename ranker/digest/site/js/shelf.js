// A second place for marks, where no server keeps them. A busy Chromium now and then gives a page that is opened
// from file:// an empty localStorage and drops what is written there; IndexedDB kept the marks in the same trials
// (benchmarks/LOG.md). Where the browser has none, marks are in localStorage alone.
const SHELF = "ranker";
const shelfRange = () => IDBKeyRange.bound([DATA.profile], [DATA.profile, []]);

const shelf = token ? Promise.resolve(null) : new Promise((resolve) => {
  try {
    const asked = indexedDB.open(SHELF, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("ticks", { keyPath: ["profile", "arxiv_id"] });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => resolve(null);
  } catch {
    resolve(null); // forbidden
  }
});
let opened = null;
shelf.then((database) => { opened = database; });

// At once where the database is open, so that a page that is left in the same moment has asked for it.
function shelve(rows) {
  if (!rows.length) return;
  if (!opened) {
    shelf.then((database) => { if (database) put(database, rows); });
    return;
  }
  put(opened, rows);
}

function put(database, rows) {
  try {
    const writing = database.transaction("ticks", "readwrite");
    rows.forEach((row) => writing.objectStore("ticks").put(row));
    writing.commit?.(); // not left open for a page that goes away
  } catch {
    // full, or closed by the browser: localStorage has them
  }
}

// What either place has, the later of two marks; afterwards both have it.
async function readShelf() {
  const database = await shelf;
  if (!database) return;
  const rows = await new Promise((resolve) => {
    try {
      const asked = database.transaction("ticks").objectStore("ticks").getAll(shelfRange());
      asked.onsuccess = () => resolve(asked.result.filter(isTick));
      asked.onerror = () => resolve([]);
    } catch {
      resolve([]); // closed by the browser
    }
  });
  const at = new Map(rows.map((row) => [row.arxiv_id, row.at]));
  const changed = rows.filter((row) => ticks.get(row.arxiv_id)?.at !== row.at && mergeTick(row));
  shelve([...ticks.values()].filter((tick) => at.get(tick.arxiv_id) !== tick.at));
  if (!changed.length) return;
  keepTicks();
  tickListeners.forEach((listener) => listener(changed.map(idOf)));
}
