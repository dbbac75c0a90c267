import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

const cache = join(homedir(), '.cache/bluebuild-nix/newer-tools');
const [tools, engines] = [join(cache, 'run'), join(cache, 'engines')];
/** Both functions make the same folder; where both are called at once, the second waits for the first. */
let making: Promise<void> | undefined;

/**
 * The folder with programs that Debian 12 lacks, taken from the packages of a later Debian and kept between runs:
 * `cosign`, and `newer-skopeo`, a skopeo that supports cosign's signatures (Debian 12's is built without this support).
 */
export async function newerTools(): Promise<string> {
  if (!existsSync(tools)) await (making ??= makeNewerTools());
  return tools;
}

/**
 * The folder with that Debian's `buildah` and `podman` and the `containers.conf` (CONTAINERS_CONF) that they need here.
 * BlueBuild requires buildah 1.29 or later.
 */
export async function newerEngines(): Promise<string> {
  if (!existsSync(engines)) await (making ??= makeNewerTools());
  return engines;
}

async function makeNewerTools(): Promise<void> {
  await mkdir(dirname(cache), { recursive: true });
  const made = await mkdtemp(`${cache}-`);
  await execa('mmdebstrap', [
    ...['--quiet', '--variant=extract', '--mode=root', '--include=cosign,skopeo,buildah,podman'],
    ...['--aptopt=Acquire::Check-Valid-Until "false"', 'forky', made],
  ]);
  // The programs run with the C library that they were built for.
  const [loader, libraries] = [join(cache, 'usr/lib64/ld-linux-x86-64.so.2'), join(cache, 'usr/lib/x86_64-linux-gnu')];
  const start = (program: string) => `#!/bin/sh
exec ${loader} --library-path ${libraries} ${cache}/usr/bin/${program} "$@"
`;
  await mkdir(join(made, 'run'), { recursive: true });
  for (const [name, program] of [
    ['cosign', 'cosign'],
    ['newer-skopeo', 'skopeo'],
  ] as const) {
    await writeFile(join(made, 'run', name), start(program));
    await chmod(join(made, 'run', name), 0o755);
  }
  // buildah and podman re-execute themselves by their own path, which must not be the loader's, so patchelf sets the
  // loader in the programs.
  await mkdir(join(made, 'engines'));
  for (const program of ['buildah', 'podman']) {
    await cp(join(made, 'usr/bin', program), join(made, 'engines', program));
    const setting = ['--set-interpreter', loader, '--force-rpath', '--set-rpath', libraries];
    await execa('patchelf', [...setting, join(made, 'engines', program)]);
  }
  const configuration = `[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
helper_binaries_dir = ["${cache}/usr/lib/podman"]
`;
  await writeFile(join(made, 'engines/containers.conf'), configuration);
  await rm(cache, { recursive: true, force: true });
  await rename(made, cache);
}
