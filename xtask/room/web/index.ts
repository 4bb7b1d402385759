import { defineRoom } from '@/rooms'

export default defineRoom({
  id: 'ROOM_NAME',
  routes: [{ path: '/ROOM_NAME', name: 'ROOM_NAME', component: () => import('./pages/Home.vue') }],
  links: [{ entry: 'build', order: 99, route: 'ROOM_NAME', names: { zh: 'ROOM_ZH', en: 'ROOM_EN' } }],
})
