// What the forms suggest; anything else may be typed.

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
