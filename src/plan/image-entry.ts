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

/** The directories above a path, the uppermost first, without /. */
export function parentsOf(path: string): string[] {
  const steps = path.split('/').slice(1, -1);
  return steps.map((_, index) => `/${steps.slice(0, index + 1).join('/')}`);
}

/** Compares two paths by code unit, not by locale: the order is the same on every machine. */
export function byCodeUnit(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A mode as `stat -c %a` writes it, with four digits. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
