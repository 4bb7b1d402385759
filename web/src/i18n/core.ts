// Words in two languages. Chinese is written first; an English text that is missing does not compile.
// A room calls `defineTexts(zh, en)` on its own files. The shell's words are on every page, so only the language in use is
// fetched: `lazyTexts`. The language is one for all of them.

import { ref, shallowRef } from 'vue'

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

const loaders: ((next: Lang) => Promise<void>)[] = []

/** Changes the language once its words are there; nothing is ever shown without words. */
export async function setLang(next: Lang): Promise<void> {
  await Promise.all(loaders.map((load) => load(next)))
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

/** The same for words that are fetched by language. */
export function lazyTexts<Z extends Texts>(load: Record<Lang, () => Promise<{ [K in keyof Z]: string }>>) {
  const words = shallowRef<Texts>({})
  const known: Partial<Record<Lang, Texts>> = {}
  loaders.push(async (next) => {
    const texts = (known[next] ??= await load[next]())
    words.value = texts
  })
  return {
    t: (key: keyof Z & string, params?: Params): string => fill(words.value[key] ?? key, params),
    has: (key: string): key is keyof Z & string => key in words.value,
  }
}

/** Chooses between two names of one thing. */
export function either(zh: string | null | undefined, en: string | null | undefined): string {
  return (lang.value === 'zh' ? zh || en : en || zh) ?? ''
}
