import { lazyTexts } from './core'
import type { zh } from './zh'

export * from './core'
export type Key = keyof typeof zh

const shell = lazyTexts<typeof zh>({
  zh: async () => (await import('./zh')).zh,
  en: async () => (await import('./en')).en,
})

/** The shell's own words. */
export const t = shell.t

/** Words for a name that came from the server; the name itself when we have none. */
export function word(prefix: string, name: string | null | undefined): string {
  if (!name) return '–'
  const key = `${prefix}.${name}`
  return shell.has(key) ? t(key) : name
}
