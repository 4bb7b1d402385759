import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// `BAIGONG_API=http://127.0.0.1:8480 npm run dev` works on a running server; without it, on the invented data of web/dev.
const server = process.env.BAIGONG_API

export default defineConfig({
  root: here('.'),
  plugins: [
    vue(),
    {
      name: 'invented-data',
      apply: 'serve',
      async configureServer(dev) {
        if (server || process.env.VITEST) return
        const { createMock } = await import(/* @vite-ignore */ here('./dev/mock.mjs'))
        const mock = createMock()
        dev.middlewares.use(mock.http)
        if (dev.httpServer) mock.attach(dev.httpServer)
      },
    },
  ],
  resolve: { alias: { '@': here('./src') } },
  server: {
    port: 5173,
    fs: { allow: [here('..')] },
    proxy: server ? { '/api': { target: server, ws: true, changeOrigin: true } } : undefined,
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
  },
  test: {
    environment: 'happy-dom',
    include: [here('./test') + '/**/*.test.ts', here('../modules') + '/*/web/**/*.test.ts'],
    root: here('..'),
  },
})
