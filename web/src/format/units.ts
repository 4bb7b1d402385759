// UN/ECE Recommendation 20 codes to what people read. Only codes that the platform's kernel knows.

const SYMBOLS: Record<string, string> = {
  C62: '', H87: 'pc', EA: 'ea', DZN: 'doz', P1: '%', C65: '', '59': 'ppm',
  SEC: 's', C26: 'ms', MIN: 'min', HUR: 'h', DAY: 'd', WEE: 'wk',
  MTR: 'm', MMT: 'mm', CMT: 'cm', KMT: 'km', '4H': 'µm', INH: 'in', MTK: 'm²', MMK: 'mm²', MTQ: 'm³', LTR: 'l', CMQ: 'cm³', NM3: 'Nm³',
  KGM: 'kg', GRM: 'g', TNE: 't', KEL: 'K', CEL: '°C',
  JOU: 'J', KJO: 'kJ', '3B': 'MJ', WHR: 'Wh', KWH: 'kWh', MWH: 'MWh', WTT: 'W', KWT: 'kW', MAW: 'MW', KVR: 'kvar',
  VLT: 'V', KVT: 'kV', AMP: 'A', '4K': 'mA', HTZ: 'Hz', KHZ: 'kHz', RPM: 'r/min', RPS: 'r/s',
  MTS: 'm/s', C16: 'mm/s', H81: 'mm/min', '2X': 'm/min', KMH: 'km/h', MSK: 'm/s²', K40: 'gₙ',
  NEW: 'N', B47: 'kN', NU: 'N·m', PAL: 'Pa', KPA: 'kPa', MPA: 'MPa', BAR: 'bar',
  MQS: 'm³/s', MQH: 'm³/h', G53: 'm³/min', L2: 'l/min', KGS: 'kg/s', E93: 'kg/h', E18: 't/h',
  DD: '°', '2N': 'dB', TKM: 't·km', AD: 'B', '4L': 'MB',
}

const CHINESE: Record<string, string> = { H87: '件', EA: '个', DZN: '打', HUR: '小时', MIN: '分钟', DAY: '天', WEE: '周', SEC: '秒' }

/** What stands behind a number; an unknown code is shown as it is rather than dropped. */
export function unitSymbol(code: string | null | undefined, chinese = false): string {
  if (!code) return ''
  if (chinese && CHINESE[code]) return CHINESE[code]
  return SYMBOLS[code] ?? code
}
