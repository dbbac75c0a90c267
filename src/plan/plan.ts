import type { Config } from '../config/config.ts';
import { command } from './command.ts';
import { type Demand, type Find, type Read, roomFor } from './demand.ts';
import { desktop } from './desktop.ts';
import { firstBoot } from './first-boot.ts';
import { byCodeUnit, type ImageEntry } from './image-entry.ts';
import { initramfs } from './initramfs.ts';
import { installer } from './installer.ts';
import { kernelArgument } from './kernel-argument.ts';
import { maintenance } from './maintenance.ts';
import { mountPoint } from './mount-point.ts';
import { native } from './native.ts';
import { nixConf } from './nix-conf.ts';
import type { Part, PartMaker } from './part.ts';
import { recordEntries, recordPaths } from './record.ts';
import { selinux } from './selinux.ts';
import type { StaticFiles } from './static-files.ts';
import { system } from './system.ts';
import { telemetry } from './telemetry.ts';
import { ujust } from './ujust.ts';

/** What a configuration puts into an image: a list of parts. */
export type Plan = {
  config: Config;
  moduleVersion: string;
  /** In the order in which their steps are taken. */
  parts: readonly Part[];
  /** Parts of the configuration that another image build has to add. */
  leftOut: readonly Part[];
};

const makers: readonly PartMaker[] = [
  mountPoint,
  firstBoot,
  command,
  kernelArgument,
  installer,
  native,
  system,
  nixConf,
  telemetry,
  desktop,
  ujust,
  maintenance,
  selinux,
  initramfs,
];

/** The names of the parts that `--without` can leave out. */
export const separableParts: readonly string[] = makers.filter(({ takesStep }) => takesStep).map(({ name }) => name);

/** Plans a configuration. Pure: the same configuration, files and version give the same plan; a valid one never throws. */
export function makePlan(config: Config, files: StaticFiles, moduleVersion: string): Plan {
  const parts = makers.map(({ name, make }): Part => ({ name, demands: [], ...make(config, files) }));
  return { config, moduleVersion, parts, leftOut: [] };
}

/** The plan without the parts of these names. */
export function leaveOut(plan: Plan, names: readonly string[]): Plan {
  const isLeft = ({ name }: Part) => names.includes(name);
  return {
    ...plan,
    parts: plan.parts.filter((part) => !isLeft(part)),
    leftOut: [...plan.leftOut, ...plan.parts.filter(isLeft)],
  };
}

/** The plan with what it puts into this image because of what is there. Symbolic links are not followed. */
export function forImage(plan: Plan, image: { find: Find; read: Read }): Plan {
  const read: Read = (path) => (image.find(path)?.kind === 'file' ? image.read(path) : undefined);
  return { ...plan, parts: plan.parts.map((part) => ({ ...part, ...part.ofImage?.make(image.find, read) })) };
}

/** The files whose content `forImage` asks about. */
export function contentsFor({ parts }: Plan): string[] {
  return parts.flatMap(({ ofImage }) => ofImage?.contents ?? []);
}

/** Everything that a plan puts into an image, its record included, in the order of the paths; parents come first. */
export function entriesOf(plan: Plan): ImageEntry[] {
  const entries = byPath(plan.parts.flatMap((part) => part.entries));
  const edited = plan.parts.flatMap((part) => part.edited ?? []);
  return byPath([...entries, ...edited, ...recordEntries(plan, entries)]);
}

/** What a plan asks of an image before anything is written. */
export function demandsOf(plan: Plan): Demand[] {
  const record = recordPaths.map((path) => ({ kind: 'file', path }) as const);
  const entries = byPath([...plan.parts.flatMap((part) => part.entries), ...record]);
  return [...plan.parts.flatMap(({ demands }) => demands), roomFor(entries)];
}

function byPath<Entry extends Pick<ImageEntry, 'path'>>(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((one, other) => byCodeUnit(one.path, other.path));
}
