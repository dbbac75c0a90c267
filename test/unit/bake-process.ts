/** Writes a plan without a download into the root that the first argument names: a process of its own has its own umask. */
import { join } from 'node:path';
import { writeRootfs } from '../../src/rootfs/rootfs.ts';
import { readStaticFiles } from '../../src/commands/module.ts';
import { entriesOf, makePlan } from '../../src/plan/plan.ts';
import { configurationOf } from './arbitrary-entry.ts';

const files = readStaticFiles(join(import.meta.dirname, '../../modules/nix/files'));
const planned = makePlan(configurationOf({ type: 'nix', installer: { embed: false } }), files, '0.0.0');
const options = { modificationTime: 0, ownedByRoot: process.getuid?.() === 0, downloaded: new Map<string, string>() };
await writeRootfs({ entries: entriesOf(planned) }, process.argv[2] ?? '', options);
