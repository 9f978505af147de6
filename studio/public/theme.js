// Runs before the page is painted, so that a chosen theme does not flash. A file of its own: the policy allows no inline script.
(function () {
  try {
    var theme = localStorage.getItem('waystation.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    /* storage may be forbidden: then the system's theme it is */
  }
})();
