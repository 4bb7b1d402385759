// Words in two languages. Chinese is written first; an English text that is missing does not compile.
// A room calls `defineTexts(zh, en)` on its own files; the language is one for all of them.

import { ref } from 'vue'

export type Lang = 'zh' | 'en'
export type Texts = Record<string, string>
export type Params = Record<string, string | number>

const KEPT = 'baigong.lang'

function initial(): Lang {
  try {
    const kept = localStorage.getItem(KEPT)
    if (kept === 'zh' || kept === 'en') return kept
  } catch {
    // Storage may be closed to us.
  }
  return typeof navigator !== 'undefined' && !navigator.language.toLowerCase().startsWith('zh') ? 'en' : 'zh'
}

/** The language of the page; everything that shows words reads it. */
export const lang = ref<Lang>(initial())

export function setLang(next: Lang): void {
  lang.value = next
  document.documentElement.lang = locale()
  try {
    localStorage.setItem(KEPT, next)
  } catch {
    // Kept for this page only.
  }
}

/** The BCP 47 tag for `Intl`. */
export function locale(): string {
  return lang.value === 'zh' ? 'zh-CN' : 'en-GB'
}

/** Fills `{name}` and chooses `{n#one|many}` by number. */
export function fill(text: string, params: Params = {}): string {
  return text.replace(/\{(\w+)(?:#([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = params[name]
    if (value === undefined) return whole
    if (one !== undefined && many !== undefined) return Number(value) === 1 ? one : many
    return String(value)
  })
}

export function defineTexts<Z extends Texts>(zh: Z, en: { [K in keyof Z]: string }) {
  return (key: keyof Z & string, params?: Params): string => fill((lang.value === 'zh' ? zh : en)[key], params)
}

/** Chooses between two names of one thing. */
export function either(zh: string | null | undefined, en: string | null | undefined): string {
  return (lang.value === 'zh' ? zh || en : en || zh) ?? ''
}
