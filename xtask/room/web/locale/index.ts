import { defineTexts } from '@/i18n/core'
import { en } from './en'
import { zh } from './zh'

/** The words of the room. */
export const t = defineTexts(zh, en)
