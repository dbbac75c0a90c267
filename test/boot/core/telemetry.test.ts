import { join } from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { readStaticFiles } from '../../../src/commands/module.ts';
import { configOf } from '../../../src/config/config.ts';
import { entriesOf, makePlan } from '../../../src/plan/plan.ts';
import { type Lab, scenario } from '../lab/scenario.ts';
import { telemetryClient } from '../lab/telemetry-client.ts';

const files = readStaticFiles(join(import.meta.dirname, '../../../modules/nix/files'));

/** The variables that the image's units set in the environment of their programs, from the file about telemetry. */
const environmentOf = (telemetry: 'off' | 'determinate-systems'): string[] => {
  const entries = entriesOf(makePlan(configOf({ type: 'nix', telemetry }, 'x86_64'), files, '0.0.0'));
  const textAt = (path: string): string => {
    const entry = entries.find((one) => one.path === path);
    if (entry?.kind !== 'file') throw new Error(`no file ${path}`);
    return entry.content.toString();
  };
  const named = ['nix-install.service', 'nix-daemon.service'].map(
    (unit) => /^EnvironmentFile=(.*)$/m.exec(textAt(`/usr/lib/systemd/system/${unit}`))?.[1] ?? '',
  );
  expect(named[0]).toBe(named[1]);
  return textAt(named[0] ?? '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
};

/** What Determinate's client asks for in a network where everything answers. It runs on this machine; nothing boots. */
const askedWith = async (lab: Lab, variables: string[]): Promise<string> => {
  const { stdout } = await execa('unshare', [
    ...['--mount', '--net', '--propagation', 'private', join(import.meta.dirname, '../lab/alone-with-network.sh')],
    ...[process.execPath, lab.directory, await telemetryClient(), ...variables],
  ]);
  return stdout;
};

scenario("telemetry: Determinate's client asks for nothing with what the image's units tell it", async (lab) => {
  expect(await askedWith(lab, environmentOf('off'))).toBe('');
  // Each variable works alone: the second is for installers that are older than the first.
  for (const variable of environmentOf('off')) expect(await askedWith(lab, [variable])).toBe('');
  const sent = /asked for install\.determinate\.systems A\n[^]*connected to port 443/;
  expect(await askedWith(lab, environmentOf('determinate-systems'))).toMatch(sent);
  // This variable used to disable telemetry.
  expect(await askedWith(lab, ['NIX_INSTALLER_DIAGNOSTIC_ENDPOINT='])).toMatch(sent);
});
