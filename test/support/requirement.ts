import { execFileSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** What a test may need besides Node and npm. */
const requirements = {
  root: { met: () => process.getuid?.() === 0, reason: 'needs root, to mount and to give files to others' },
  dash: { met: () => runs('dash', '-c', ':'), reason: 'needs dash' },
  bash: { met: () => runs('bash', '-c', ':'), reason: 'needs bash' },
  jq: { met: () => runs('jq', '--version'), reason: 'needs jq' },
  systemd: { met: () => runs('systemd-analyze', '--version'), reason: 'needs systemd-analyze' },
  locales: { met: () => runs('test', '-e', '/usr/share/i18n/locales/de_DE'), reason: "needs Debian's package locales" },
  namespaces: { met: () => runs('unshare', '--mount', 'true'), reason: 'needs unshare and the right to mount' },
  fish: { met: () => runs('fish', '--version'), reason: 'needs fish' },
  just: { met: () => runs('just', '--version'), reason: 'needs just' },
  nushell: { met: () => runs('nu', '--version'), reason: 'needs nushell' },
  sddm: {
    met: () => runs('test', '-x', '/usr/bin/sddm-greeter', '-a', '-x', '/usr/bin/Xvfb'),
    reason: "needs Debian's packages sddm and xvfb",
  },
};

/** Skips a test, with the reason, if something that it needs is missing. Throws on CI instead. */
export function needs(context: TestContext, ...names: (keyof typeof requirements)[]): void {
  const missing = names.map((name) => requirements[name]).filter(({ met }) => !met());
  if (missing.length === 0) return;
  const reason = missing.map(({ reason }) => reason).join('; ');
  if (process.env['CI']) throw new Error(`on CI nothing is skipped, and this test ${reason}`);
  context.skip(reason);
}

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
