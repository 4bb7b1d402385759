import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { setupState } from './api/session'
import { onSignedOut } from './api/http'
import { rooms } from './rooms'
import { forget, me, whoAmI } from './session'

const page = (load: () => Promise<unknown>, meta: RouteRecordRaw['meta'] = {}) => ({ component: load as never, meta })

const routes: RouteRecordRaw[] = [
  { path: '/setup', name: 'setup', ...page(() => import('./pages/Setup.vue'), { open: true, bare: true }) },
  { path: '/sign-in', name: 'sign-in', ...page(() => import('./pages/SignIn.vue'), { open: true, bare: true }) },
  { path: '/', name: 'home', ...page(() => import('./pages/Home.vue')) },
  { path: '/machines', name: 'machines', ...page(() => import('./pages/Machines.vue')) },
  { path: '/machines/:id', name: 'machine', ...page(() => import('./pages/Machine.vue')) },
  { path: '/trend', name: 'trend', ...page(() => import('./pages/TrendDesk.vue')) },
  { path: '/alarms', name: 'alarms', ...page(() => import('./pages/Alarms.vue')) },
  { path: '/alarm-rules', name: 'alarm-rules', ...page(() => import('./pages/AlarmRules.vue')) },
  { path: '/connections', name: 'connections', ...page(() => import('./pages/Connections.vue')) },
  { path: '/connections/:id', name: 'device', ...page(() => import('./pages/Device.vue')) },
  { path: '/ledger', name: 'ledger', ...page(() => import('./pages/Ledger.vue')) },
  { path: '/accounts/:id', name: 'account', ...page(() => import('./pages/Account.vue')) },
  { path: '/payments/:id', name: 'payment', ...page(() => import('./pages/Payment.vue')) },
  { path: '/invoices', name: 'invoices', ...page(() => import('./pages/Invoices.vue')) },
  { path: '/invoices/:id', name: 'invoice', ...page(() => import('./pages/Invoice.vue')) },
  { path: '/readings', name: 'readings', ...page(() => import('./pages/Readings.vue')) },
  { path: '/readings/:id', name: 'reading', ...page(() => import('./pages/Reading.vue')) },
  { path: '/cases', name: 'cases', ...page(() => import('./pages/Cases.vue')) },
  { path: '/cases/:id', name: 'case', ...page(() => import('./pages/Case.vue')) },
  { path: '/grants', name: 'grants', ...page(() => import('./pages/Grants.vue')) },
  { path: '/settings', name: 'settings', ...page(() => import('./pages/Settings.vue')) },
  ...rooms.flatMap((room) => room.routes),
  { path: '/:rest(.*)*', name: 'nowhere', ...page(() => import('./pages/Nowhere.vue')) },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => (saved ? saved : to.path === from.path ? false : { top: 0 }),
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const session = await whoAmI()
  if (session) return true
  // Nobody is signed in: either nobody exists yet, or somebody has to sign in.
  const state = await setupState().catch(() => null)
  if (state?.needed) return { name: 'setup' }
  return { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
})

onSignedOut(() => {
  if (!me.value) return
  const next = router.currentRoute.value.fullPath
  forget()
  void router.push({ name: 'sign-in', query: { next } })
})
