import type { ImageEntry } from './image-entry.ts';

/**
 * The links by which the image enables its units, by the target that wants them: as `systemctl enable` makes them in /etc,
 * but under /usr/lib, so that a user can mask them.
 */
export function enabledUnits(wanted: Readonly<Record<string, readonly string[]>>): ImageEntry[] {
  return Object.entries(wanted).flatMap(([target, units]) =>
    units.map((unit): ImageEntry => ({
      kind: 'symlink',
      path: `/usr/lib/systemd/system/${target}.wants/${unit}`,
      target: `../${unit}`,
    })),
  );
}
