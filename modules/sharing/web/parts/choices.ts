// What the forms suggest; materials and certificates may also be typed.

export const MATERIALS = [
  'metal.steel.45',
  'metal.steel.40cr',
  'metal.steel.304',
  'metal.steel.spcc',
  'metal.steel.secc',
  'metal.aluminium.6061',
  'metal.aluminium.5052',
  'polymer.pp',
  'polymer.abs',
  'polymer.pc-abs',
  'polymer.pa66-gf30',
]

export const CERTIFICATES = ['ISO 9001', 'IATF 16949', 'ISO 14001', 'AS9100', 'ISO 13485']

/** Where parts may be needed, in WGS 84 degrees. */
export const CITIES: { zh: string; en: string; lat: number; lon: number }[] = [
  { zh: '上海', en: 'Shanghai', lat: 31.23, lon: 121.47 },
  { zh: '苏州', en: 'Suzhou', lat: 31.3, lon: 120.59 },
  { zh: '无锡', en: 'Wuxi', lat: 31.49, lon: 120.31 },
  { zh: '南京', en: 'Nanjing', lat: 32.06, lon: 118.8 },
  { zh: '杭州', en: 'Hangzhou', lat: 30.27, lon: 120.16 },
  { zh: '宁波', en: 'Ningbo', lat: 29.87, lon: 121.54 },
  { zh: '合肥', en: 'Hefei', lat: 31.82, lon: 117.23 },
  { zh: '武汉', en: 'Wuhan', lat: 30.59, lon: 114.31 },
  { zh: '重庆', en: 'Chongqing', lat: 29.56, lon: 106.55 },
  { zh: '成都', en: 'Chengdu', lat: 30.57, lon: 104.07 },
  { zh: '深圳', en: 'Shenzhen', lat: 22.54, lon: 114.06 },
  { zh: '广州', en: 'Guangzhou', lat: 23.13, lon: 113.26 },
  { zh: '青岛', en: 'Qingdao', lat: 36.07, lon: 120.38 },
  { zh: '天津', en: 'Tianjin', lat: 39.08, lon: 117.2 },
  { zh: '北京', en: 'Beijing', lat: 39.9, lon: 116.41 },
  { zh: '沈阳', en: 'Shenyang', lat: 41.8, lon: 123.43 },
  { zh: '西安', en: 'Xi’an', lat: 34.34, lon: 108.94 },
]

/** What matters most when ranking; ratios only. */
export const EMPHASES = {
  balanced: { price: 400, distance: 150, availability: 250, quality: 200 },
  price: { price: 800, distance: 60, availability: 80, quality: 60 },
  availability: { price: 100, distance: 60, availability: 780, quality: 60 },
  quality: { price: 100, distance: 60, availability: 60, quality: 780 },
  distance: { price: 100, distance: 780, availability: 60, quality: 60 },
} as const
export type Emphasis = keyof typeof EMPHASES
