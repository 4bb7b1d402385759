// The room's words. Chinese is written first; `en.ts` does not compile without every key.

export const zh = {
  'home.title': 'ROOM_ZH',
  'home.empty': '这里还没有内容',
}
