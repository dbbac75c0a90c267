import type { ImageEntry } from '../../src/plan/image-entry.ts';

export const sha256 = 'a'.repeat(64);

/** A plan that never changes, with one entry for each case that a tar stores in its own way. */
export const fixedPlan: { entries: ImageEntry[] } = {
  entries: [
    { kind: 'directory', path: '/nix', mode: 0o755 },
    { kind: 'file', path: `/usr/lib/${'long/'.repeat(60)}name`, mode: 0o644, content: Buffer.from('long path\n') },
    { kind: 'file', path: `/usr/lib/${'n'.repeat(120)}`, mode: 0o600, content: Buffer.from('long name\n') },
    { kind: 'file', path: '/usr/lib/größe', mode: 0o644, content: Buffer.from('not ASCII\n') },
    { kind: 'file', path: '/usr/lib/empty', mode: 0o444, content: Buffer.alloc(0) },
    { kind: 'file', path: '/usr/lib/program', mode: 0o4755, content: Buffer.alloc(2_500_000, 'program ') },
    { kind: 'download', path: '/usr/libexec/installer', mode: 0o755, download: { url: '', sha256, name: 'installer' } },
    { kind: 'symlink', path: '/usr/lib/link', target: '../target' },
    { kind: 'symlink', path: '/usr/lib/long-link', target: `../${'t'.repeat(150)}` },
    { kind: 'file', path: '/opt/vendor/file', mode: 0o644, content: Buffer.from('below a link\n') },
  ],
};

/** The content of the plan's download: bytes that no compressor makes smaller, the same in every run. */
export function fixedDownload(): Buffer {
  const words = new Uint32Array(400_000);
  // xorshift32 (Marsaglia 2003).
  let word = 2463534242;
  for (let i = 0; i < words.length; i += 1) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[i] = word;
  }
  return Buffer.from(words.buffer);
}
