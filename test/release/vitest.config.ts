import { defineConfig } from 'vitest/config';

export default defineConfig({
  logLevel: 'error',
  test: {
    dir: import.meta.dirname,
    // GitHub's packages import JSON in a way that Node does not take, and vite does.
    server: { deps: { inline: [/@actions\//] } },
    include: ['**/*.test.ts'],
    // npm, skopeo, cosign and buildah are started, some under another architecture.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
