// The showpiece in a real browser against a real server: sign in, see the park, search, book, run the job, recompute the
// reading, accept and pay, and go from the payment to the machine in four clicks. Then every main page in both languages
// and both themes.
//
//   BASE_URL        the server, with the demo park
//   SIGN_INS        JSON file of the demo's sign-ins (demo-sign-ins.json in its data folder)
//   SCREENSHOT_DIR  where pictures go
//   CHROMIUM        the browser; /usr/bin/chromium when absent

import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'

const base = need('BASE_URL').replace(/\/$/, '')
const folder = process.env.SCREENSHOT_DIR ?? 'test-output/screenshots'
const signIns = JSON.parse(readFileSync(need('SIGN_INS'), 'utf8'))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
mkdirSync(folder, { recursive: true })

const BUYER = 'demo-appliances'
const PROVIDER = 'demo-precision'
/** `ui.md` budgets: bytes over the wire of the first list page, and times on a slow machine and line. */
const BUDGET = { listKb: 120, chunkKb: 230, paintMs: 1000, usableMs: 1500 }
/** Shared machines are noisy: a time may be this much over before it is a failure. */
const NOISE = 2.5

const failures = []
const started = Date.now()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

try {
  await budgets()
  const buyer = await person(BUYER)
  const provider = await person(PROVIDER)
  await home(buyer)
  await palette(buyer)
  await machines(provider)
  const booking = await book(buyer)
  const job = await work(provider, booking)
  await pay(buyer, booking)
  await fourClicks(provider)
  await everyPage(job)
  console.log(`the showpiece holds (${Math.round((Date.now() - started) / 1000)} s); pictures in ${folder}`)
} catch (error) {
  failures.push(error.stack ?? String(error))
} finally {
  await browser.close()
}
if (failures.length) {
  console.error(failures.map((failure) => `FAILED  ${failure}`).join('\n'))
  process.exit(1)
}

function need(name) {
  const value = process.env[name]
  if (!value) throw new Error(`set ${name}`)
  return value
}

function check(holds, words) {
  if (!holds) throw new Error(words)
}

function step(words) {
  console.log(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${words}`)
}

/** A person in a browser of their own, signed in. Whatever the browser complains about is a failure of the test. */
async function person(login, { lang = 'zh', theme = 'light', width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: lang === 'zh' ? 'zh-CN' : 'en-GB', timezoneId: 'Asia/Shanghai', colorScheme: theme })
  await context.addInitScript(
    ([language, look]) => {
      localStorage.setItem('baigong.lang', language)
      localStorage.setItem('baigong.theme', look)
      document.addEventListener('securitypolicyviolation', (event) => console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))
    },
    [lang, theme],
  )
  const page = await context.newPage()
  page.on('console', (message) => {
    // Refusals that a step provokes on purpose are announced by that step.
    const refusal = /status of 4\d\d/.test(message.text())
    // Asking who we are before signing in is answered with 401; the browser reports every refusal.
    if (refusal && (page.expected || message.location().url.endsWith('/api/v1/session'))) return
    if (message.type() === 'error') failures.push(`${login} ${page.url().replace(base, '')}: ${message.text()}`)
  })
  page.on('pageerror', (error) => failures.push(`${login} ${page.url().replace(base, '')}: ${error.message}`))
  page.setDefaultTimeout(20_000)
  await page.goto(`${base}/`)
  await page.waitForURL('**/sign-in**')
  const own = signIns.find((one) => one.login === login)
  check(own, `no demo sign-in for ${login}`)
  await page.fill('input[name=username]', own.login)
  await page.fill('input[name=password]', own.password)
  await page.click('button[type=submit]')
  await page.waitForURL(`${base}/`)
  await page.waitForSelector('main h1')
  return page
}

async function shot(page, name, options = {}) {
  // Canvases draw a frame after their data.
  await page.waitForTimeout(options.settle ?? 700)
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: options.full ?? false })
}

async function accessible(page, name) {
  await page.evaluate(axe)
  const found = await page.evaluate(async () => {
    const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })
    return result.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.target.join(' ')).join(' | ')}`)
  })
  for (const violation of found) failures.push(`accessibility of ${name}: ${violation}`)
}

/** First load of the machine list, cold, compressed. */
async function budgets() {
  const page = await person(PROVIDER)
  const cookies = await page.context().cookies()
  await page.context().close()

  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Asia/Shanghai' })
  await context.addCookies(cookies)
  const cold = await context.newPage()
  const devtools = await context.newCDPSession(cold)
  await devtools.send('Network.enable')
  await devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 40, downloadThroughput: 1_250_000, uploadThroughput: 1_250_000 })
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  const kinds = new Map()
  let bytes = 0
  devtools.on('Network.responseReceived', ({ requestId, type }) => kinds.set(requestId, type))
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (['Document', 'Script', 'Stylesheet', 'Font', 'Image'].includes(kinds.get(requestId))) bytes += encodedDataLength
  })
  const began = Date.now()
  await cold.goto(`${base}/machines`)
  await cold.waitForSelector('[role=grid] .line')
  const usable = Date.now() - began
  const paint = await cold.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0)
  const kb = Math.round(bytes / 1024)
  step(`list page: ${kb} KB over the wire, first paint ${Math.round(paint)} ms, usable ${usable} ms (4× slower, 10 Mbit/s)`)
  check(kb <= BUDGET.listKb, `the list page loads ${kb} KB, more than ${BUDGET.listKb}`)
  check(paint <= BUDGET.paintMs * NOISE, `first paint after ${Math.round(paint)} ms, budget ${BUDGET.paintMs} (×${NOISE} for noise)`)
  check(usable <= BUDGET.usableMs * NOISE, `the list is usable after ${usable} ms, budget ${BUDGET.usableMs} (×${NOISE} for noise)`)
  const chunks = await cold.evaluate(async () => {
    const names = performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => name.endsWith('.js'))
    return Promise.all(names.map(async (name) => ({ name, text: await (await fetch(name)).text() })))
  })
  for (const chunk of chunks) {
    const size = Math.round(gzipSync(chunk.text).length / 1024)
    check(size <= BUDGET.chunkKb, `${chunk.name} is ${size} KB compressed, more than ${BUDGET.chunkKb}`)
  }
  await context.close()
}

async function home(page) {
  await page.waitForSelector('.tile')
  await page.waitForSelector('.light.fresh')
  step('home: live park')
  await shot(page, '01-home', { settle: 2500 })
  await accessible(page, 'home')
}

async function palette(page) {
  await page.keyboard.press('Control+k')
  await page.fill('input[role=combobox]', 'zcn')
  await page.waitForSelector('#palette-list li[aria-selected=true]')
  await shot(page, '02-palette', { settle: 200 })
  await page.keyboard.press('Enter')
  await page.waitForURL('**/market/search**')
  step('palette: pinyin initials found a page')
}

async function machines(page) {
  await page.goto(`${base}/machines`)
  const rows = page.locator('[role=grid] .line')
  await rows.first().waitFor()
  check((await rows.count()) >= 3, 'the machine list is too short')
  await accessible(page, 'machine list')
  await shot(page, '03-machines')
  await page.locator('[role=grid] .line a.name').filter({ hasText: '三号' }).first().click()
  await page.waitForSelector('.trend canvas')
  // The number beside the curve moves by itself.
  const figure = page.locator('.trend .entry b').first()
  const first = await figure.textContent()
  for (let turn = 0; turn < 40 && (await figure.textContent()) === first; turn++) await page.waitForTimeout(500)
  check((await figure.textContent()) !== first, 'the live value did not move within 20 s')
  await accessible(page, 'machine')
  await shot(page, '04-machine', { full: true })
  await page.click('button:has-text("7 天")')
  await page.waitForTimeout(1500)
  await shot(page, '05-machine-week')
  step('machine: live trend, state strip, history')
}

async function book(page) {
  await page.goto(`${base}/market/search?class=MF.MA&material=metal.aluminium.6061&tolerance=20&lot=20&city=Hangzhou`)
  await page.waitForSelector('.match')
  const matches = await page.locator('.match').count()
  check(matches > 0, 'nothing matches')
  const fold = page.locator('.fold')
  if (await fold.count()) {
    await fold.click()
    check((await page.locator('table.plain tbody tr').count()) > 0, 'no rejection is explained')
  }
  await accessible(page, 'search')
  await shot(page, '06-search', { full: true })
  step(`search: ${matches} offers match, the rest say why not`)

  // A machine that works round the clock, so that there is something to meter at any hour.
  const wanted = page.locator('.match').filter({ hasText: '三号' })
  const match = (await wanted.count()) ? wanted.first() : page.locator('.match').first()
  await match.locator('a.title').click()
  await page.waitForURL('**/market/capabilities/**')
  await shot(page, '07-capability')
  await page.click('[data-to=book]')
  await page.waitForSelector('[data-state=free]')
  // From the next full minute on, and the hour after: the job shall begin at once.
  await page.locator('[data-state=free]').first().click()
  await page.locator('[data-state=free]').first().click()
  await page.fill('[data-test=part] input, input[data-test=part]', '法兰座 φ60')
  await page.waitForSelector('.basis .amount')
  check((await page.locator('.basis .amount').count()) === 3, 'the price is not shown under three billing bases')
  await page.click('[data-basis=time]')
  await accessible(page, 'booking')
  await shot(page, '08-book')
  await page.click('[data-act=book]')
  await page.waitForURL('**/market/bookings/**')
  await page.waitForSelector('.steps')
  await shot(page, '09-booking')
  step('booked: agreement, reservation and escrow')
  return page.url().split('/').pop().split('?')[0]
}

async function work(page, booking) {
  await page.goto(`${base}/market/bookings/${booking}`)
  await page.waitForSelector('[data-act=start]')
  // The slot begins at the next full minute; before that the server refuses, and says when.
  page.expected = true
  for (let turn = 0; turn < 40; turn++) {
    await page.click('[data-act=start]')
    await page.waitForTimeout(2500)
    if (!(await page.locator('[data-act=start]').count())) break
  }
  page.expected = false
  await page.click('[data-to=job]')
  await page.waitForURL('**/market/jobs/**')
  const job = page.url().split('/').pop()
  const time = page.locator('[data-test=time]')
  await time.waitFor()
  const first = await time.textContent()
  for (let turn = 0; turn < 60 && (await time.textContent()) === first; turn++) await page.waitForTimeout(500)
  check((await time.textContent()) !== first, 'the meter of the running job does not move')
  await page.waitForTimeout(20_000)
  await accessible(page, 'job')
  await shot(page, '10-job-live')
  step('job: the meter moves')
  await page.click('[data-act=finish]')
  await page.waitForSelector('[data-to=reading]', { timeout: 90_000 })
  await page.waitForSelector('[data-to=invoice]', { timeout: 90_000 })
  await shot(page, '11-job-finished')
  step('job finished: readings sealed, invoice issued')

  await page.locator('[data-to=reading]').first().click()
  await page.waitForURL('**/readings/**')
  await page.click('[data-act=recompute]')
  await page.waitForSelector('[data-test=recomputed]')
  check(await page.locator('[data-test=recomputed].bad').count().then((count) => count === 0), 'the reading does not recompute')
  await page.waitForSelector('.trend canvas')
  await accessible(page, 'reading')
  await shot(page, '12-reading-recomputed', { full: true })
  step('reading: recomputed, identical digit for digit')
  return job
}

async function pay(page, booking) {
  await page.goto(`${base}/market/bookings/${booking}`)
  await page.click('[data-to=invoice]')
  await page.waitForSelector('.paper')
  await accessible(page, 'invoice')
  await shot(page, '13-invoice', { full: true })
  await page.goBack()
  await page.click('[data-act=accept]')
  await page.waitForSelector('.paid', { timeout: 30_000 })
  await shot(page, '14-booking-settled')
  await page.goto(`${base}/ledger?tab=trial`)
  await page.waitForSelector('[data-test=trial-sum]')
  const sums = await page.locator('[data-test=trial-sum]').allTextContents()
  check(sums.length > 0 && sums.every((sum) => /^[^1-9]*$/.test(sum)), `the trial balance does not sum to zero: ${sums}`)
  await shot(page, '15-trial-balance')
  step('paid from escrow; the trial balance sums to zero')
}

/** Payment → invoice → sealed reading → trend of that hour → machine. */
async function fourClicks(page) {
  await page.goto(`${base}/ledger`)
  await page.waitForSelector('[role=grid] .line')
  await shot(page, '16-ledger')
  await page.locator('[role=grid] .line').filter({ hasText: '托管放款' }).first().locator('a').first().click()
  await page.waitForURL('**/payments/**')
  await page.waitForSelector('.chain li:nth-child(5)')
  await accessible(page, 'payment')
  await shot(page, '17-payment')
  const walk = [
    ['invoice', '**/invoices/**', '.paper'],
    ['reading', '**/readings/**', '[data-test=quantity]'],
    ['trend', '**/trend?**', '.trend canvas'],
    ['machine', '**/machines/**', '.trend canvas'],
  ]
  for (const [index, [to, address, seen]] of walk.entries()) {
    await page.locator(`main [data-to=${to}]`).first().click()
    await page.waitForURL(address)
    await page.waitForSelector(seen)
    await shot(page, `${18 + index}-click-${index + 1}-${to}`)
  }
  step('payment → invoice → reading → trend → machine in four clicks')
}

async function everyPage(job) {
  const pages = [
    ['home', '/'],
    ['machines', '/machines'],
    ['trend', '/trend'],
    ['alarms', '/alarms'],
    ['alarm-rules', '/alarm-rules'],
    ['connections', '/connections'],
    ['quarantine', '/connections?tab=quarantine'],
    ['models', '/connections?tab=models'],
    ['search', '/market/search?class=MF.MA'],
    ['mine', '/market/mine'],
    ['bookings', '/market/bookings'],
    ['job', `/market/jobs/${job}`],
    ['ledger', '/ledger'],
    ['accounts', '/ledger?tab=accounts'],
    ['invoices', '/invoices'],
    ['readings', '/readings'],
    ['cases', '/cases'],
    ['grants', '/grants'],
    ['settings', '/settings'],
    ['users', '/settings?tab=users'],
    ['nowhere', '/no-such-page'],
  ]
  for (const [lang, theme] of [['zh', 'light'], ['en', 'dark'], ['zh', 'dark'], ['en', 'light']]) {
    const page = await person(PROVIDER, { lang, theme })
    for (const [name, path] of pages) {
      await page.goto(base + path)
      await page.waitForSelector('main')
      await page.waitForLoadState('networkidle').catch(() => {})
      const text = await page.locator('main').innerText()
      if (lang === 'en') check(!/[\u4e00-\u9fff]/.test(await chrome(page)), `${name} shows Chinese words of ours in English`)
      check(text.trim().length > 20, `${name} is empty`)
      await shot(page, `${lang}-${theme}-${name}`, { settle: 500 })
      if (theme === 'dark' || name === 'alarms' || name === 'grants') await accessible(page, `${name} (${lang}, ${theme})`)
    }
    await page.context().close()
    step(`every page in ${lang}, ${theme}`)
  }
  const phone = await person(PROVIDER, { width: 390, height: 844 })
  for (const [name, path] of pages.slice(0, 12)) {
    await phone.goto(base + path)
    await phone.waitForSelector('main')
    await phone.waitForTimeout(600)
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    check(wide <= 1, `${name} is ${wide} px wider than a phone`)
    await shot(phone, `phone-${name}`, { settle: 300 })
  }
  await phone.context().close()
  step('no page is wider than a phone')
}

/** Words that are ours, not data: navigation, titles, column heads, buttons. */
async function chrome(page) {
  return page.evaluate(() => [...document.querySelectorAll('.rail .links, .rail .entry, main th, main [role=columnheader], main label, main .press, main .panel h2')].map((one) => one.innerText).join('\n'))
}
