import type { App } from 'vue'

/** The running application, for parts that add to it when they are first needed. */
export const holder: { app?: App } = {}
