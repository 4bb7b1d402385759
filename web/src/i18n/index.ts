import { defineTexts } from './core'
import { en } from './en'
import { zh } from './zh'

export * from './core'
export type Key = keyof typeof zh

/** The shell's own words. */
export const t = defineTexts(zh, en)

/** Words for a name that came from the server; the name itself when we have none. */
export function word(prefix: string, name: string | null | undefined): string {
  if (!name) return '–'
  const key = `${prefix}.${name}`
  return key in zh ? t(key as Key) : name
}
