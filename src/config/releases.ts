import type { Architecture } from './architecture.ts';
import type { Downloaded } from './config.ts';
import data from './releases.json' with { type: 'json' };

/** A release that is built in: what a recipe gets that names no other. */
export type Release = {
  version: string;
  /** With `{version}` and `{arch}` to be filled in. */
  url: string;
  sha256: Record<Architecture, string>;
  /** Where these digests are stated: two places or more, independent of each other. */
  seen: readonly string[];
};

/** `npm run pins` looks for newer ones and writes them. */
export const releases: Record<Downloaded, Release> = data;
