import { join } from 'node:path';
import { expect, test } from 'vitest';
import { layerPlan } from '../../../src/commands/layer-plan.ts';
import { readStaticFiles } from '../../../src/commands/module.ts';
import type { RecipeEntry } from '../../../src/config/recipe-entry.ts';
import type { UserError } from '../../../src/diagnostic/user-error.ts';
import { entriesOf, makePlan, type Plan } from '../../../src/plan/plan.ts';
import { configurationOf } from '../arbitrary-entry.ts';

const files = readStaticFiles(join(import.meta.dirname, '../../../modules/nix/files'));
const dracutModule = '/usr/lib/dracut/modules.d/99bluebuild-nix-transient-root';
const karg = '/usr/lib/bootc/kargs.d/50-nix-transient-root.toml';
const values = ['karg', 'initramfs', 'off'] as const;

const planWith = (transientRoot: NonNullable<RecipeEntry['transient-root']>): Plan =>
  makePlan(configurationOf({ type: 'nix', selinux: 'off', 'transient-root': transientRoot }), files, '1.2.3');
const pathsOf = (plan: Plan) => entriesOf(plan).map(({ path }) => path);
const stepsOf = ({ parts }: Plan) => parts.flatMap(({ name, step }) => (step ? [{ name, path: step.path }] : []));
const text = (plan: Plan, path: string): string | undefined => {
  const found = entriesOf(plan).find((entry) => entry.path === path);
  return found?.kind === 'file' ? found.content.toString() : undefined;
};
const others = (plan: Plan) => pathsOf(plan).filter((path) => path !== karg && !path.startsWith(dracutModule));

test('initramfs: the argument, the dracut module and a step; all else as with the other values', () => {
  const planned = planWith('initramfs');
  expect(stepsOf(planned)).toEqual([{ name: 'initramfs', path: '/usr/lib/modules/*/initramfs.img' }]);
  expect(text(planned, karg)).toMatch(/^kargs = \["root.transient=true"\]$/m);
  expect(entriesOf(planned).filter(({ path }) => path.startsWith(`${dracutModule}/`))).toMatchObject([
    { path: `${dracutModule}/booted/service.d/50-transient-root-label.conf`, mode: 0o644 },
    { path: `${dracutModule}/booted/transient-root-label.service`, mode: 0o644 },
    { path: `${dracutModule}/module-setup.sh`, mode: 0o755 },
    { path: `${dracutModule}/transient-root`, mode: 0o755 },
    { path: `${dracutModule}/transient-root-mounts`, mode: 0o755 },
    { path: `${dracutModule}/transient-root-units.service`, mode: 0o644 },
    { path: `${dracutModule}/transient-root.service`, mode: 0o644 },
  ]);
  for (const value of ['karg', 'off'] as const) expect(others(planned)).toEqual(others(planWith(value)));
});

test.each([
  ['karg', true],
  ['off', false],
] as const)('%s: no dracut module and no step', (value, hasKarg) => {
  const planned = planWith(value);
  expect(stepsOf(planned)).toEqual([]);
  expect(text(planned, karg) !== undefined).toBe(hasKarg);
  expect(pathsOf(planned).filter((path) => path.includes('dracut'))).toEqual([]);
});

test.each(values)('the image records %s', (value) => {
  const planned = planWith(value);
  expect(text(planned, '/usr/share/bluebuild/nix/configuration.yml')).toContain(`transient-root: ${value}\n`);
  const manifest = JSON.parse(text(planned, '/usr/share/bluebuild/nix/manifest.json') ?? '') as object;
  expect(manifest).toMatchObject({ transientRoot: value });
  expect('steps' in manifest).toBe(value === 'initramfs');
});

test('a layer alone cannot have it: refused, with a way out', () => {
  const refused = () => layerPlan(planWith('initramfs'), []);
  expect(refused).toThrow(/^`transient-root: initramfs` .*dracut/);
  try {
    refused();
  } catch (cause) {
    expect((cause as UserError).help).toMatch(/karg` or `off`.*--without initramfs/);
  }
  const { plan } = layerPlan(planWith('initramfs'), ['initramfs']);
  expect(pathsOf(plan)).toContain(`${dracutModule}/module-setup.sh`);
});
