import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkEntry } from '../../../src/config/check.ts';
import { readStaticFiles } from '../../../src/commands/static-files.ts';
import type { Plan } from '../../../src/plan/image-entry.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { stepNeed } from '../../../src/plan/step.ts';
import { parseConfiguration } from '../../../src/recipe/configuration.ts';

const files = readStaticFiles(join(import.meta.dirname, '../../../modules/nix/files'));
const dracutModule = '/usr/lib/dracut/modules.d/99bluebuild-nix-transient-root';
const karg = '/usr/lib/bootc/kargs.d/50-nix-transient-root.toml';

const planWith = (transientRoot: string): Plan => {
  const entry = parseConfiguration(`{"type":"nix","selinux":"off","transient-root":"${transientRoot}"}`);
  const config = Array.isArray(entry) ? entry : checkEntry(entry, 'x86_64');
  if (Array.isArray(config)) throw new Error(JSON.stringify(config));
  return makePlan(config, files, '1.2.3');
};
const text = ({ entries }: Plan, path: string): string | undefined => {
  const found = entries.find((entry) => entry.path === path);
  return found?.kind === 'file' ? found.content.toString() : undefined;
};
const others = ({ entries }: Plan) =>
  entries.map(({ path }) => path).filter((path) => path !== karg && !path.startsWith(dracutModule));

test('initramfs: the argument, the dracut module and a step; all else as with the other values', () => {
  const planned = planWith('initramfs');
  expect(planned.steps).toMatchObject([{ kind: 'initramfs', path: '/usr/lib/modules/*/initramfs.img' }]);
  expect(text(planned, karg)).toMatch(/^kargs = \["root.transient=true"\]$/m);
  expect(planned.entries.filter(({ path }) => path.startsWith(`${dracutModule}/`))).toMatchObject([
    { path: `${dracutModule}/booted/service.d/50-transient-root-label.conf`, mode: 0o644 },
    { path: `${dracutModule}/booted/transient-root-label.service`, mode: 0o644 },
    { path: `${dracutModule}/module-setup.sh`, mode: 0o755 },
    { path: `${dracutModule}/transient-root`, mode: 0o755 },
    { path: `${dracutModule}/transient-root-units.service`, mode: 0o644 },
    { path: `${dracutModule}/transient-root.service`, mode: 0o644 },
  ]);
  for (const value of ['karg', 'off']) expect(others(planned)).toEqual(others(planWith(value)));
});

test('every file that a step looks for in the initramfs is one of the plan', () => {
  const { entries, steps } = planWith('initramfs');
  const paths = entries.map(({ path }) => path);
  expect(
    steps
      .flatMap((step) => (step.kind === 'initramfs' ? Object.values(step.holds) : []))
      .filter((path) => !paths.includes(path)),
  ).toEqual([]);
});

test.each([
  ['karg', true],
  ['off', false],
])('%s: no dracut module and no step', (value, hasKarg) => {
  const planned = planWith(value);
  expect(planned.steps).toEqual([]);
  expect(text(planned, karg) !== undefined).toBe(hasKarg);
  expect(planned.entries.filter(({ path }) => path.includes('dracut'))).toEqual([]);
});

test.each(['karg', 'initramfs', 'off'])('the image records %s', (value) => {
  const planned = planWith(value);
  expect(text(planned, '/usr/share/bluebuild/nix/configuration.yml')).toContain(`transient-root: ${value}\n`);
  const manifest = JSON.parse(text(planned, '/usr/share/bluebuild/nix/manifest.json') ?? '') as object;
  expect(manifest).toMatchObject({ transientRoot: value });
  expect('rebuilt' in manifest).toBe(value === 'initramfs');
});

test('what a layer alone cannot carry out has a name, a reason and a way out', () => {
  const [step] = planWith('initramfs').steps;
  expect(step && stepNeed(step)).toMatchObject({
    setting: 'transient-root: initramfs',
    need: expect.stringContaining('dracut'),
    help: expect.stringContaining('`karg` or `off`'),
  });
});
