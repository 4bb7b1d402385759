import type { zh } from './zh'

export const en: Record<keyof typeof zh, string> = {
  'home.title': 'ROOM_EN',
  'home.empty': 'Nothing here yet',
}
