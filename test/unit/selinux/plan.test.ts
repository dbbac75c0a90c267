import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { layerPlan } from '../../../src/commands/layer-plan.ts';
import { readStaticFiles } from '../../../src/commands/module.ts';
import type { RecipeEntry } from '../../../src/config/recipe-entry.ts';
import { UserError } from '../../../src/diagnostic/user-error.ts';
import { entriesOf, leaveOut, makePlan, type Plan } from '../../../src/plan/plan.ts';
import { configurationOf } from '../arbitrary-entry.ts';

const files = readStaticFiles(join(import.meta.dirname, '../../../modules/nix/files'));
const share = '/usr/share/bluebuild/nix';
const own = [
  '/usr/lib/systemd/system/multi-user.target.wants/nix-label.service',
  '/usr/lib/systemd/system/nix-install.service.d/50-selinux.conf',
  '/usr/lib/systemd/system/nix-label-again.service',
  '/usr/lib/systemd/system/nix-label.path',
  '/usr/lib/systemd/system/nix-label.service',
  '/usr/lib/systemd/system/paths.target.wants/nix-label.path',
  '/usr/libexec/bluebuild/nix/nix-label',
  `${share}/bluebuild-nix.cil`,
];

const planWith = (selinux: 'auto' | 'on' | 'off', without: string[] = [], more: Partial<RecipeEntry> = {}) =>
  leaveOut(makePlan(configurationOf({ type: 'nix', selinux, ...more }), files, '1.2.3'), without);
const pathsOf = (plan: Plan) => entriesOf(plan).map(({ path }) => path);
const stepsOf = ({ parts }: Plan) => parts.flatMap(({ name, step }) => (step ? [name] : []));
const manifestOf = (plan: Plan) => {
  const found = entriesOf(plan).find(({ path }) => path === `${share}/manifest.json`);
  return JSON.parse(found?.kind === 'file' ? found.content.toString() : '') as Record<string, unknown>;
};

test.each(['auto', 'on'] as const)('%s: a step, and what goes with the policy', (value) => {
  const planned = planWith(value);
  const off = pathsOf(planWith('off'));
  expect(stepsOf(planned)).toEqual(['selinux']);
  expect(pathsOf(planned).filter((path) => !off.includes(path))).toEqual(own);
  expect(manifestOf(planned)).toMatchObject({ selinux: value, steps: { selinux: '/etc/selinux/*/policy/policy.*' } });
  expect(manifestOf(planned)).not.toHaveProperty('leftOut');
});

test('off: no step, nothing of it, and the manifest says so', () => {
  const planned = planWith('off');
  expect(stepsOf(planned)).toEqual([]);
  expect(pathsOf(planned).filter((path) => own.includes(path))).toEqual([]);
  expect(manifestOf(planned)).toMatchObject({ selinux: 'off' });
  expect(manifestOf(planned)).not.toHaveProperty('steps');
});

test('left out: nothing of it, and the manifest says that it was left out', () => {
  for (const value of ['auto', 'on'] as const) {
    const planned = planWith(value, ['selinux']);
    expect(stepsOf(planned)).toEqual([]);
    expect(pathsOf(planned)).toEqual(pathsOf(planWith('off')));
    expect(manifestOf(planned)).toMatchObject({ selinux: value, leftOut: ['selinux'] });
  }
});

test('the policy comes before the initramfs, which takes longer', () => {
  expect(stepsOf(planWith('auto', [], { 'transient-root': 'initramfs' }))).toEqual(['selinux', 'initramfs']);
});

describe('a layer alone', () => {
  const layer = (selinux: 'auto' | 'on' | 'off', without: string[] = [], more: Partial<RecipeEntry> = {}) => {
    const { plan, warnings } = layerPlan(planWith(selinux, [], more), without);
    return { entries: entriesOf(plan), warnings };
  };
  const entriesWith = (...[selinux, without]: Parameters<typeof planWith>) => entriesOf(planWith(selinux, without));

  test('auto: is made without the policy, with a warning', () => {
    const { entries, warnings } = layer('auto');
    expect(entries).toEqual(entriesWith('auto', ['selinux']));
    expect(warnings).toEqual([
      expect.stringMatching(
        /^selinux: auto: left out, .*bake Nix in an image build; elsewhere write `selinux: off`\.\n$/s,
      ),
    ]);
  });

  test('auto and --without selinux, or off: without a warning', () => {
    expect(layer('auto', ['selinux'])).toEqual({ entries: entriesWith('auto', ['selinux']), warnings: [] });
    expect(layer('off')).toEqual({ entries: entriesWith('off'), warnings: [] });
  });

  test('on: is refused, unless it is left out', () => {
    const refused = () => layer('on');
    expect(refused).toThrow(
      '`selinux: on` rebuilds the SELinux policy of the image with its semodule, which a layer alone cannot do',
    );
    expect(refused).toThrow(UserError);
    try {
      refused();
    } catch (cause) {
      expect((cause as UserError).help).toMatch(/image build.*--without selinux/);
    }
    expect(layer('on', ['selinux'])).toEqual({ entries: entriesWith('on', ['selinux']), warnings: [] });
  });

  test('auto beside a step that cannot be left out: the error is about that', () => {
    expect(() => layer('auto', [], { 'transient-root': 'initramfs' })).toThrow('`transient-root: initramfs`');
  });
});
