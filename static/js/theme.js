// Applies the chosen theme before the first paint, so that nothing flashes. A classic script, because
// modules run too late. It must never do more than that.
(() => {
  let theme = "auto";
  try {
    theme = localStorage.getItem("portcullis.theme") ?? "auto";
  } catch {
    // Storage may be switched off; the system's theme is a good answer then.
  }
  document.documentElement.dataset.theme = theme;
})();
