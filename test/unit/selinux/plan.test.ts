import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planWithoutSteps } from '../../../src/commands/without-steps.ts';
import type { RecipeEntry } from '../../../src/config/recipe-entry.ts';
import { UserError } from '../../../src/diagnostic/user-error.ts';
import { readStaticFiles } from '../../../src/commands/static-files.ts';
import type { Plan } from '../../../src/plan/image-entry.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import type { StepKind } from '../../../src/plan/step.ts';
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

const config = (selinux: 'auto' | 'on' | 'off', more: Partial<RecipeEntry> = {}) =>
  configurationOf({ type: 'nix', selinux, ...more });
const planWith = (selinux: 'auto' | 'on' | 'off', without: StepKind[] = []) =>
  makePlan(config(selinux), files, '1.2.3', without);
const pathsOf = ({ entries }: Plan) => entries.map(({ path }) => path);
const manifestOf = ({ entries }: Plan) => {
  const found = entries.find(({ path }) => path === `${share}/manifest.json`);
  return JSON.parse(found?.kind === 'file' ? found.content.toString() : '') as Record<string, unknown>;
};

test.each([
  ['auto', false],
  ['on', true],
] as const)(
  '%s: a step with the persistence as an equivalent of /nix, and what goes with the policy',
  (value, needed) => {
    const { steps } = makePlan(config(value, { persistence: '/var/home/nix' }), files, '1.2.3');
    expect(steps).toMatchObject([{ kind: 'selinux', needed, equivalent: { path: '/var/home/nix', to: '/nix' } }]);
    const planned = planWith(value);
    const off = pathsOf(planWith('off'));
    expect(pathsOf(planned).filter((path) => !off.includes(path))).toEqual(own);
    expect(planned.steps.map((step) => step.kind === 'selinux' && step.module)).toEqual([`${share}/bluebuild-nix.cil`]);
    expect(manifestOf(planned)).toMatchObject({ selinux: value, rebuilt: ['/etc/selinux/*/policy/policy.*'] });
    expect(manifestOf(planned)).not.toHaveProperty('leftOut');
  },
);

test('off: no step, nothing of it, and the manifest says so', () => {
  const planned = planWith('off');
  expect(planned.steps).toEqual([]);
  expect(pathsOf(planned).filter((path) => own.includes(path))).toEqual([]);
  expect(manifestOf(planned)).toMatchObject({ selinux: 'off' });
  expect(manifestOf(planned)).not.toHaveProperty('rebuilt');
});

test('left out: nothing of it, and the manifest says that it was left out', () => {
  for (const value of ['auto', 'on'] as const) {
    const planned = planWith(value, ['selinux']);
    expect(planned.steps).toEqual([]);
    expect(pathsOf(planned)).toEqual(pathsOf(planWith('off')));
    expect(manifestOf(planned)).toMatchObject({ selinux: value, leftOut: ['selinux'] });
  }
});

test('the policy comes before the initramfs, which takes longer', () => {
  const { steps } = makePlan(config('auto', { 'transient-root': 'initramfs' }), files, '1.2.3');
  expect(steps.map(({ kind }) => kind)).toEqual(['selinux', 'initramfs']);
});

describe('a layer alone', () => {
  const layer = (selinux: 'auto' | 'on' | 'off', without: StepKind[] = [], more: Partial<RecipeEntry> = {}) => {
    let warnings = '';
    const planned = planWithoutSteps(config(selinux, more), files, '1.2.3', without, (text) => {
      warnings += text;
    });
    return { planned, warnings };
  };

  test('auto: is made without the policy, with a warning', () => {
    const { planned, warnings } = layer('auto');
    expect(planned).toEqual(planWith('auto', ['selinux']));
    expect(warnings).toMatch(
      /^selinux: auto: left out, .*bake Nix in the image build; elsewhere write `selinux: off`\.\n$/s,
    );
  });

  test('auto and --without selinux, or off: without a warning', () => {
    expect(layer('auto', ['selinux'])).toEqual({ planned: planWith('auto', ['selinux']), warnings: '' });
    expect(layer('off')).toEqual({ planned: planWith('off'), warnings: '' });
  });

  test('on: is refused, unless it is left out', () => {
    const refused = () => layer('on');
    expect(refused).toThrow(
      '`selinux: on` builds the SELinux policy of the image anew with its semodule, and a layer alone cannot',
    );
    expect(refused).toThrow(UserError);
    try {
      refused();
    } catch (cause) {
      expect((cause as UserError).help).toMatch(/image build.*--without selinux/);
    }
    expect(layer('on', ['selinux'])).toEqual({ planned: planWith('on', ['selinux']), warnings: '' });
  });

  test('auto beside a step that cannot be left out: the error is about that', () => {
    expect(() => layer('auto', [], { 'transient-root': 'initramfs' })).toThrow('`transient-root: initramfs`');
  });
});
