import { defineTexts } from '@/i18n/core'
import { en } from './en'
import { zh } from './zh'

/** The words of the room. */
export const t = defineTexts(zh, en)

export function word(prefix: string, name: string | null | undefined): string {
  if (!name) return '–'
  const key = `${prefix}.${name}`
  return key in zh ? t(key as keyof typeof zh) : name
}
