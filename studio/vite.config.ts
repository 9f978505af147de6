import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The server that `make studio-dev` hands the API's requests to. */
const api = process.env['WAYSTATION_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  // The page names its files beside itself, and its <base> says where that is: so it can be mounted below any path.
  base: './',
  plugins: [react()],
  build: {
    outDir: '../src/waystation/studio/dist',
    emptyOutDir: true,
    target: 'es2022',
    // A file in a data: address would need a word in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: api, changeOrigin: true } } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
