// Before the first paint: the kept theme, or the system's. A file of its own, because the server forbids inline scripts.
;(function () {
  var kept = null
  try {
    kept = localStorage.getItem('baigong.theme')
  } catch (error) {
    // Storage may be closed to us; the system's preference decides then.
  }
  var dark = kept ? kept === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  document.documentElement.className = dark ? 'dark' : 'light'
})()
