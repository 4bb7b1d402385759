import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh'
import { fill } from '@/i18n/core'
import { links, lower } from '@/shell/nav'

type Texts = Record<string, string>
const rooms = import.meta.glob<{ zh: Texts }>('../../modules/*/web/locale/zh.ts', { eager: true })
const roomsEn = import.meta.glob<{ en: Texts }>('../../modules/*/web/locale/en.ts', { eager: true })
type Book = [room: string, chinese: Texts, english: Texts, folders: string[]]
const books: Book[] = [
  ['shell', zh, en, [join(__dirname, '../src')]],
  ...Object.entries(rooms).map(([path, texts]): Book => {
    const room = path.replace(/^.*\/modules\//, '').replace(/\/web\/.*$/, '')
    return [room, texts.zh, roomsEn[path.replace('zh.ts', 'en.ts')]?.en ?? {}, [join(__dirname, '../../modules', room, 'web')]]
  }),
]

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return ['locale', 'i18n'].includes(name) ? [] : files(path)
    return /\.(vue|ts)$/.test(name) ? [path] : []
  })
}

const names = (text: string) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort()

describe.each(books)('words of %s', (_, chinese, english, folders) => {
  it('exist in both languages', () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(chinese).sort())
    for (const text of [...Object.values(chinese), ...Object.values(english)]) expect(text.trim()).not.toBe('')
  })

  it('carry the same values in both languages', () => {
    for (const [key, text] of Object.entries(chinese)) {
      // English may need a number again for its plural; it may not invent one.
      expect(names(english[key] ?? ''), key).toEqual(names(text))
    }
  })

  it('are not Chinese on the English side', () => {
    for (const [key, text] of Object.entries(english)) expect(/\p{Script=Han}/u.test(text), `${key}: ${text}`).toBe(false)
  })

  it('are all used: by key, or by a prefix that is put together', () => {
    const source = folders.flatMap(files).map((path) => readFileSync(path, 'utf8')).join('\n')
    const prefixes = [...source.matchAll(/(?:word\('([\w-]+)'|t\(`([\w-]+(?:\.[\w-]+)*)\.\$\{)/g)].map((match) => `${match[1] ?? match[2]}.`)
    const unused = Object.keys(chinese).filter((key) => !source.includes(`'${key}'`) && !prefixes.some((prefix) => key.startsWith(prefix)))
    expect(unused).toEqual([])
  })

  it('stand in the code by key only: no Chinese in templates', () => {
    const strays = folders.flatMap(files).flatMap((path) => {
      const template = /<template>[\s\S]*<\/template>/.exec(readFileSync(path, 'utf8'))?.[0] ?? ''
      return template.split('\n').filter((line) => /\p{Script=Han}/u.test(line) && !/lang ===|either\(|'中文'|百工/.test(line)).map((line) => `${path}: ${line.trim()}`)
    })
    expect(strays).toEqual([])
  })
})

describe('names of pages', () => {
  it('are the same on the rail and above the page', () => {
    for (const link of [...links, ...lower]) {
      const key = `nav.${link.route === 'home' ? 'park' : link.route}`
      if (key in zh) expect([zh, en].map((book) => (book as Texts)[key])).toEqual([link.names.zh, link.names.en])
    }
  })
})

describe('fill', () => {
  it('puts values in and chooses plural forms', () => {
    expect(fill('{n} {n#machine|machines} of {name}', { n: 1, name: 'A' })).toBe('1 machine of A')
    expect(fill('{n} {n#machine|machines}', { n: 3 })).toBe('3 machines')
    expect(fill('{missing} stays')).toBe('{missing} stays')
  })
})
