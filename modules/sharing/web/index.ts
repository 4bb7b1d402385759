import { defineAsyncComponent } from 'vue'
import { either } from '@/i18n/core'
import { defineRoom } from '@/rooms'

// The room's words are fetched with its pages; only these few stand on every page.
const link = (order: number, route: string, zh: string, en: string) => ({ entry: 'market' as const, order, route, names: { zh, en } })

export default defineRoom({
  id: 'sharing',
  routes: [
    { path: '/market/search', name: 'capability-search', component: () => import('./pages/Search.vue') },
    { path: '/market/capabilities/:id', name: 'capability', component: () => import('./pages/Capability.vue'), meta: { under: 'capability-search' } },
    { path: '/market/capabilities/:id/book', name: 'book', component: () => import('./pages/Book.vue'), meta: { under: 'capability-search' } },
    { path: '/market/mine', name: 'my-capabilities', component: () => import('./pages/MyCapabilities.vue') },
    { path: '/market/bookings', name: 'bookings', component: () => import('./pages/Bookings.vue') },
    { path: '/market/bookings/:id', name: 'booking', component: () => import('./pages/Booking.vue'), meta: { under: 'bookings' } },
    { path: '/market/jobs/:id', name: 'job', component: () => import('./pages/Job.vue'), meta: { under: 'bookings' } },
  ],
  links: [link(0, 'capability-search', '找产能', 'Find capacity'), link(1, 'my-capabilities', '我的能力', 'My capabilities'), link(2, 'bookings', '预约与作业', 'Bookings and jobs')],
  home: [defineAsyncComponent(() => import('./parts/HomeJobs.vue'))],
  machine: [defineAsyncComponent(() => import('./parts/MachineMoney.vue'))],
  earning: async () => {
    const { bookingList } = await import('./api')
    const running = (await bookingList()).filter((booking) => booking.state === 'running')
    return Object.fromEntries(running.filter((booking) => booking.side === 'provider').map((booking) => [booking.machine.asset, either('正在赚钱', 'Earning')]))
  },
})
