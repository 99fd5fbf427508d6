// Runs before the page is painted, so that a chosen theme never flashes in the other one.
try {
  const theme = localStorage.getItem('agentos.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme
} catch {
  // Storage can be forbidden; then the system's theme counts.
}
