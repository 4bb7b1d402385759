import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// `npm run dev` shows the console as it is being written, on the data of a running server (`baigong demo`).
const server = process.env.BAIGONG_API ?? 'http://127.0.0.1:7400'

export default defineConfig({
  root: here('.'),
  plugins: [vue()],
  // Components here are composed by functions; the older way of writing them need not be carried along.
  define: { __VUE_OPTIONS_API__: 'false' },
  resolve: { alias: { '@': here('./src') } },
  server: {
    port: 5173,
    fs: { allow: [here('..')] },
    // The origin must be the server's own: a change made with a cookie is refused from anywhere else.
    proxy: { '/api': { target: server, ws: true, changeOrigin: true, headers: { origin: server } } },
  },
  build: {
    outDir: here('./dist'),
    emptyOutDir: true,
    target: 'es2022',
    // The policy of the server forbids inline scripts and styles; small files stay files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        // A file costs its headers too: what every page needs comes in two pieces instead of forty.
        advancedChunks: {
          groups: [
            { name: 'base', test: /node_modules\/(@vue\/|vue-router|@tanstack\/)|web\/src\/([^/]+\.ts|(api|format|i18n\/(core|index)|live|shell)\/?.*)$/, priority: 20, minShareCount: 1 },
            { name: 'parts', test: /web\/src\/(ui\/[A-Z]|parts\/(LiveSpark|names)|charts\/Sparkline)/, priority: 10, minShareCount: 2 },
          ],
        },
      },
    },
  },
  test: {
    environment: 'happy-dom',
    // Its modules import style sheets, which Node itself cannot.
    server: { deps: { inline: ['element-plus'] } },
    include: [here('./test') + '/**/*.test.ts', here('../modules') + '/*/web/**/*.test.ts'],
    root: here('..'),
  },
})
