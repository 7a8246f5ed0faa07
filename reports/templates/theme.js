// Runs before the first paint, so that a page kept dark never flashes white.
(() => {
  try {
    const kept = localStorage.getItem("chiscsi-theme");
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch { /* a page without storage follows the system */ }
})();
