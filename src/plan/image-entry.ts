import type { Step } from './step.ts';

/** Something that is fetched while the image is built, and whose digest is known before. */
export type Download = {
  /** https:, or file: for a file of the project. */
  url: string;
  /** Lower-case hexadecimal. */
  sha256: string;
  /** What it is called in messages. */
  name: string;
};

/**
 * One thing that a plan puts into an image. Paths are absolute, normal, and seen from the image; modes hold permission
 * bits; everything belongs to root.
 */
export type ImageEntry =
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; content: Buffer }
  | { kind: 'download'; path: string; mode: number; download: Download }
  | { kind: 'symlink'; path: string; target: string };

/** Everything that a configuration puts into an image, in the order of its paths; parents come first. */
export type Plan = {
  entries: readonly ImageEntry[];
  /** What is done with the image once the entries are in it. */
  steps: readonly Step[];
  /** Directories below which first boot puts what must outlive a reboot, outside /var. */
  persistentDirectories: readonly string[];
};
