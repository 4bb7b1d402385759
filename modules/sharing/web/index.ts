import { defineRoom } from '@/rooms'
import { bookingList } from './api'
import { en } from './locale/en'
import { zh } from './locale/zh'
import { t } from './locale'
import { defineAsyncComponent } from 'vue'

type Key = keyof typeof zh

const link = (order: number, route: string, key: Key) => ({
  entry: 'market' as const,
  order,
  route,
  title: () => t(key),
  names: { zh: zh[key], en: en[key] },
})

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
  links: [link(0, 'capability-search', 'nav.search'), link(1, 'my-capabilities', 'nav.mine'), link(2, 'bookings', 'nav.bookings')],
  home: [defineAsyncComponent(() => import('./parts/HomeJobs.vue'))],
  machine: [defineAsyncComponent(() => import('./parts/MachineMoney.vue'))],
  earning: async () => {
    const running = (await bookingList()).filter((booking) => booking.state === 'running')
    return Object.fromEntries(running.filter((booking) => booking.side === 'provider').map((booking) => [booking.machine.asset, t('tile.earning')]))
  },
})
