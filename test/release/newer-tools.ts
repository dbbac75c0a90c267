import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

const cache = join(homedir(), '.cache/bluebuild-nix/newer-tools');

/**
 * The folder with what Debian 12 has not, out of the packages of a later Debian, and kept between runs: `cosign`, and as
 * `newer-skopeo` a skopeo that knows cosign's signatures (Debian 12's is built without them).
 */
export async function newerTools(): Promise<string> {
  const folder = join(cache, 'run');
  if (existsSync(folder)) return folder;
  await mkdir(dirname(cache), { recursive: true });
  const made = await mkdtemp(`${cache}-`);
  await execa('mmdebstrap', [
    ...['--quiet', '--variant=extract', '--mode=root', '--include=cosign,skopeo'],
    ...['--aptopt=Acquire::Check-Valid-Until "false"', 'forky', made],
  ]);
  // With the C library that they were built for.
  const start = (program: string) => `#!/bin/sh
exec ${cache}/usr/lib64/ld-linux-x86-64.so.2 --library-path ${cache}/usr/lib/x86_64-linux-gnu ${cache}/usr/bin/${program} "$@"
`;
  await mkdir(join(made, 'run'), { recursive: true });
  for (const [name, program] of [
    ['cosign', 'cosign'],
    ['newer-skopeo', 'skopeo'],
  ] as const) {
    await writeFile(join(made, 'run', name), start(program));
    await chmod(join(made, 'run', name), 0o755);
  }
  await rm(cache, { recursive: true, force: true });
  await rename(made, cache);
  return folder;
}
