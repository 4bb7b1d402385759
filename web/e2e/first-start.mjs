// The first hour of somebody who installed it: set up with the code from the terminal, bring a thing model, add a machine,
// connect a device, send a value with its token, see it, and confirm what the bank paid in.
//
//   BASE_URL        a server on an empty data directory
//   SERVER_LOG      what it printed: the setup code is in it
//   SCREENSHOT_DIR  where pictures go

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const base = process.env.BASE_URL.replace(/\/$/, '')
const folder = process.env.SCREENSHOT_DIR ?? 'test-output/screenshots'
const code = /works once\): (\S+)/.exec(readFileSync(process.env.SERVER_LOG, 'utf8'))?.[1]
if (!code) throw new Error('the server printed no setup code')
mkdirSync(folder, { recursive: true })

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Asia/Shanghai' })
  await context.addInitScript(() => localStorage.setItem('baigong.lang', 'en'))
  const page = await context.newPage()
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.setDefaultTimeout(20_000)
  const shot = (name) => page.waitForTimeout(500).then(() => page.screenshot({ path: join(folder, `first-${name}.png`) }))

  await page.goto(base)
  await page.waitForURL('**/setup')
  await page.getByLabel('Setup code').fill(code)
  await page.getByLabel('Organisation').fill('River Pumps')
  await page.getByLabel('Name', { exact: true }).fill('Ada')
  await page.getByLabel('Login').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill('four quiet otters row')
  await shot('1-setup')
  await page.getByRole('button', { name: 'Finish setup' }).click()
  await page.getByText('Start here').waitFor()
  await shot('2-home')

  await page.goto(`${base}/connections?tab=models`)
  await page.getByRole('button', { name: 'Import' }).first().click()
  const dialog = page.getByRole('dialog')
  const fields = dialog.locator('input')
  for (const [index, text] of ['PUMP', 'pump', '水泵', 'Pump'].entries()) await fields.nth(index).fill(text)
  const properties = [{ id: 'flow', name: 'Flow', valueType: { type: 'double' }, expands: { rec20: 'MQH' } }]
  await dialog.locator('textarea').fill(JSON.stringify({ properties }))
  await dialog.locator('footer button, .el-dialog__footer button').last().click()
  await shot('2b-model')
  await page.getByText('flow · MQH').waitFor()

  await page.goto(`${base}/machines`)
  await page.getByRole('button', { name: 'Add a machine' }).first().click()
  await page.getByRole('dialog').getByLabel('Thing model').click()
  await page.getByRole('option').first().click()
  await page.getByRole('dialog').getByLabel('Code').fill('P-01')
  await page.getByRole('dialog').getByLabel('Name').fill('North pump')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a machine' }).click()
  await page.getByText('North pump').first().waitFor()

  await page.goto(`${base}/connections`)
  await page.getByRole('button', { name: 'Connect a device' }).first().click()
  await page.getByRole('dialog').getByLabel('Machine', { exact: true }).click()
  await page.getByRole('option').first().click()
  await shot('3-device')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  const secret = page.locator('[data-test=secret] button')
  await secret.waitFor()
  const token = await secret.getAttribute('title')
  await shot('4-token')
  await page.getByRole('button', { name: 'I have kept it' }).click()

  const sent = await fetch(`${base}/api/v1/${token}/telemetry`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"flow": 41.5}' })
  if (!sent.ok) throw new Error(`the value was refused: ${sent.status} ${await sent.text()}`)
  await page.goto(`${base}/machines`)
  await page.getByText('North pump').first().click()
  await page.getByText('41.5').first().waitFor()
  await shot('5-value')

  await page.goto(`${base}/ledger`)
  await page.getByRole('button', { name: 'Confirm a bank movement' }).click()
  await page.getByRole('dialog').getByLabel('Party').click()
  await page.getByRole('option').first().click()
  await page.getByRole('dialog').getByLabel('Amount').fill('1250.50')
  await page.getByRole('dialog').getByLabel("The bank's reference").fill('BANK-1')
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('1,250.50').first().waitFor()
  await shot('6-cash')
  if (complaints.length) throw new Error(complaints.join('\n'))
  console.log('from the setup code to the first value and the first money in the console')
} finally {
  await browser.close()
}
