import { defineConfig } from 'vitest/config';

/** The tests that run src/ in their own process: no mutant is active in a program that they start. */
export default defineConfig({
  test: {
    include: [
      'test/unit/{bad-input,good-input,wrong-type,format,plan,rootfs}.test.ts',
      'test/unit/{selinux,transient-root}/{plan,image}.test.ts',
      'test/layer/layer.test.ts',
    ],
    testTimeout: 20_000,
  },
});
