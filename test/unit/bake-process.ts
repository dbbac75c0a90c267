/**
 * Writes a plan without a download into the root that the first argument names. It is a separate process because it
 * needs its own umask and signals. With `wait` it prints a line when the entries are written, then waits in a step for
 * a signal to end it.
 */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { readStaticFiles } from '../../src/commands/module.ts';
import { entriesOf, makePlan } from '../../src/plan/plan.ts';
import { writeRootfs } from '../../src/rootfs/rootfs.ts';
import { configurationOf } from './arbitrary-entry.ts';

const files = readStaticFiles(join(import.meta.dirname, '../../modules/nix/files'));
const entries = entriesOf(makePlan(configurationOf({ type: 'nix', installer: { embed: false } }), files, '0.0.0'));
const options = { modificationTime: 0, ownedByRoot: process.getuid?.() === 0, downloaded: new Map<string, string>() };
const wait = async () => {
  process.stdout.write('waiting\n');
  return setTimeout(60_000, []);
};
await writeRootfs({ entries, steps: process.argv[3] === 'wait' ? [wait] : [] }, process.argv[2] ?? '', options);
