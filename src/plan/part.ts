import type { Config } from '../config/config.ts';
import type { Demand, Find, Read } from './demand.ts';
import type { ImageEntry } from './image-entry.ts';
import type { StaticFiles } from './static-files.ts';
import type { Step } from './step.ts';

/** One concern of a plan, as a value. */
export type Part = {
  /** What the manifest calls it, and `--without` where it takes a step. */
  name: string;
  entries: readonly ImageEntry[];
  demands: readonly Demand[];
  /** What depends on files of the image; `forImage` makes it part of the entries above. */
  ofImage?: OfImage;
  /** A file of the image with something added to it. The next bake over the image leaves it there. */
  edited?: ImageEntry;
  /** What is done with the image once the entries are in it. */
  step?: Step;
  /** What undoes that step in an image that an earlier plan took it in. */
  undo?: Step;
};

/** Files that depend on what an image has. Pure, so that a root and the layers of an image can be asked alike. */
export type OfImage = {
  /** The files whose content it asks about. */
  contents: readonly string[];
  /** What a layer that is written without an image lacks, for people. */
  missingInLayer: string;
  /** Undefined where the image has no use for them. */
  make: (find: Find, read: Read) => Pick<Part, 'entries' | 'edited'> | undefined;
};

/** What makes a part of a configuration. Pure: the same configuration and files give the same part. */
export type PartMaker = {
  name: string;
  /** Whether some configuration gives it a step, which only an image build can take. */
  takesStep?: true;
  make: (config: Config, files: StaticFiles) => Pick<Part, 'entries'> & Partial<Part>;
};
