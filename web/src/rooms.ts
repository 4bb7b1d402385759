// A room brings its own pages and words: `modules/<room>/web/index.ts` exports a room, and the shell finds it.

import type { Component } from 'vue'
import type { RouteRecordRaw } from 'vue-router'

/** The eight entries of the left rail; an entry without a page is not shown. */
export type Entry = 'home' | 'plant' | 'production' | 'network' | 'market' | 'service' | 'finance' | 'build'

export interface RoomLink {
  entry: Entry
  /** Place within the entry, small first. */
  order: number
  /** Name of the route. */
  route: string
  /** Both names: the palette searches in both. */
  names: { zh: string; en: string }
}

export interface Room {
  id: string
  routes: RouteRecordRaw[]
  links: RoomLink[]
  /** What the home page shows of the room. */
  home?: Component[]
  /** What a machine's page shows of the room; each gets `machine`. */
  machine?: Component[]
  /** Machines that work for somebody now, with the words for their tile. */
  earning?: () => Promise<Record<string, string>>
}

export function defineRoom(room: Room): Room {
  return room
}

const found = import.meta.glob<{ default: Room }>('../../modules/*/web/index.ts', { eager: true })

/** Every room of this build. */
export const rooms: Room[] = Object.values(found).map((module) => module.default)
