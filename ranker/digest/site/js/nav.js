// The theme, and the way to the days beside this one (days.js is written again with every new day; pages are not).
const THEMES = ["", "dark", "light"];
function showTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
showTheme(THEMES.includes(recall("theme", "")) ? recall("theme", "") : "");
$("theme").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  const theme = now === "dark" ? "light" : "dark";
  showTheme(theme);
  remember("theme", theme);
});

window.rankerDays = (days) => {
  const here = days.indexOf(DATA.day);
  const point = (id, day, text) => {
    const link = $(id);
    if (!link) return;
    link.hidden = !day;
    if (!day) return;
    link.href = day + ".html";
    link.textContent = text;
  };
  if (here < 0) return;
  point("older", days[here + 1], "← " + days[here + 1]);
  point("newer", days[here - 1], days[here - 1] + " →");
};
