// A page with cards comes alive: states first, then what can wait.
cards.forEach((card) => {
  const { id } = paperOf(card);
  if (readIds.has(id) || ticks.has(id)) showState(card);
});
showTickCount();
$("open-help").addEventListener("click", openHelp);
loadScript("days.js", () => {});
fetchTicks();
readShelf();

// A link to a paper opens it, also one that is folded away below the threshold
function goToHash() {
  const target = $(decodeURIComponent(location.hash.slice(1)));
  if (!target || !target.matches(".card")) return;
  const fold = target.closest(".rest");
  if (fold) fold.open = true;
  setCurrent(target, true);
}
addEventListener("hashchange", goToHash);
if (location.hash.length > 1) setTimeout(goToHash, 0);
