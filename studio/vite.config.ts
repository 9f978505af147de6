import { readFileSync } from 'node:fs';

import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** The server that `make studio-dev` hands the API's requests to. */
const api = process.env.WAYSTATION_URL ?? 'http://127.0.0.1:8484';

/**
 * Files name each other relative to themselves, so that the studio can be mounted below any path. Only the page itself,
 * which is served for every path within the studio, cannot: waystation.studio.page() puts that path before each "/".
 */
const rootedPage: Plugin = {
  name: 'rooted-page',
  enforce: 'post',
  transformIndexHtml: (html) => html.replaceAll('="./', '="/'),
};

/** The licence of the fonts, beside them: they are no modules, so the list of licences of those does not have it. */
const fontLicence: Plugin = {
  name: 'font-licence',
  apply: 'build',
  generateBundle() {
    const source = readFileSync('node_modules/@fontsource/ibm-plex-mono/LICENSE', 'utf8');
    this.emitFile({ type: 'asset', fileName: 'assets/ibm-plex-licence.txt', source });
  },
};

export default defineConfig({
  base: './',
  plugins: [react(), rootedPage, fontLicence],
  build: {
    outDir: '../src/waystation/studio/dist',
    emptyOutDir: true,
    license: { fileName: 'assets/licences.md' },
    target: 'es2022',
    // A file in a data: address would need a word in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: api, changeOrigin: true } } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
