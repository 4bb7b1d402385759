// Initials of Chinese words as people type them (`sbxq` → 设备详情), from the browser's own pinyin order: no table to ship.

const LETTERS = 'abcdefghjklmnopqrstwxyz'
// The first character of each initial in pinyin order.
const FIRST = '阿八嚓哒妸发旮哈讥咔垃妈拏噢妑七呥仨他屲夕丫帀'

let collator: Intl.Collator | null | undefined

function pinyin(): Intl.Collator | null {
  if (collator === undefined) {
    const made = new Intl.Collator('zh-Hans-CN-u-co-pinyin')
    // Without pinyin data the order is by code point, and initials would be wrong rather than missing.
    collator = made.compare('阿', '八') < 0 && made.compare('八', '七') < 0 && made.compare('七', '丫') < 0 ? made : null
  }
  return collator
}

/** The initial of one character; other scripts stand for themselves. */
function initial(char: string): string {
  if (!/\p{Script=Han}/u.test(char)) return char.toLowerCase()
  const order = pinyin()
  if (!order) return ''
  for (let index = FIRST.length - 1; index >= 0; index--) {
    if (order.compare(char, FIRST.charAt(index)) >= 0) return LETTERS.charAt(index)
  }
  return ''
}

export function initials(text: string): string {
  return Array.from(text, initial).join('').replace(/\s+/g, '')
}

/** How well a query fits a name, 0 when not at all: beginning, part, initials, letters in order. */
export function fit(query: string, ...names: string[]): number {
  const wanted = query.trim().toLowerCase().replace(/\s+/g, '')
  if (!wanted) return 1
  let best = 0
  for (const name of names) {
    const plain = name.toLowerCase().replace(/\s+/g, '')
    const short = initials(name)
    if (plain.startsWith(wanted)) best = Math.max(best, 100)
    else if (plain.includes(wanted)) best = Math.max(best, 80)
    else if (short.startsWith(wanted)) best = Math.max(best, 70)
    else if (short.includes(wanted)) best = Math.max(best, 60)
    else if (wanted.length > 2 && inOrder(wanted, plain)) best = Math.max(best, 20)
  }
  return best
}

function inOrder(wanted: string, text: string): boolean {
  let from = 0
  for (const char of wanted) {
    from = text.indexOf(char, from) + 1
    if (from === 0) return false
  }
  return true
}
