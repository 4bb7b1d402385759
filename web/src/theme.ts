// Light and dark. Canvases do not follow CSS, so they read their colours here and redraw when `theme` changes.

import { ref } from 'vue'

export type Theme = 'light' | 'dark'

const KEPT = 'baigong.theme'

export const theme = ref<Theme>(document.documentElement.classList.contains('dark') ? 'dark' : 'light')

export function setTheme(next: Theme): void {
  document.documentElement.classList.replace(theme.value, next)
  document.documentElement.classList.add(next)
  theme.value = next
  try {
    localStorage.setItem(KEPT, next)
  } catch {
    // Kept for this page only.
  }
}

/** The value of a colour token now; reading `theme` first makes the caller redraw with it. */
export function token(name: string): string {
  void theme.value
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}
