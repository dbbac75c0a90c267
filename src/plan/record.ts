import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Config } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';
import type { Step } from './step.ts';
import { textEntry } from './static-files.ts';

/** What was baked, for people (configuration.yml) and for programs (manifest.json). `entries`: all the others. */
export function recordEntries(
  config: Config,
  entries: readonly ImageEntry[],
  { steps, leftOut }: { steps: readonly Step[]; leftOut: readonly Step[] },
  moduleVersion: string,
): ImageEntry[] {
  const { installer, persistence, transientRoot, selinux, nixConf, architecture } = config;
  const configuration = {
    type: 'nix',
    installer: Object.fromEntries(
      Object.entries(installer).filter(([, value]) => !Array.isArray(value) || value.length > 0),
    ),
    persistence,
    'transient-root': transientRoot,
    selinux,
    'nix-conf': nixConf,
  };
  const manifest = {
    module: { name: 'bluebuild-nix', version: moduleVersion },
    architecture,
    installer: {
      provider: installer.provider,
      version: installer.version,
      url: installer.url,
      sha256: installer.sha256,
      embedded: installer.embed,
    },
    persistence,
    transientRoot,
    selinux,
    files: Object.fromEntries(entries.map((entry) => [entry.path, described(entry)])),
    ...(steps.length > 0 && { rebuilt: steps.map(({ path }) => path) }),
    ...(leftOut.length > 0 && { leftOut: leftOut.map(({ kind }) => kind) }),
  };
  const comment = `# What bluebuild-nix ${moduleVersion} baked into this image, every default filled in.\n`;
  return [
    textEntry('/usr/share/bluebuild/nix/configuration.yml', `${comment}${stringify(configuration)}`),
    textEntry('/usr/share/bluebuild/nix/manifest.json', `${JSON.stringify(manifest, null, 2)}\n`),
  ];
}

function described(entry: ImageEntry): Record<string, string> {
  if (entry.kind === 'symlink') return { target: entry.target };
  const mode = entry.mode.toString(8).padStart(4, '0');
  if (entry.kind === 'directory') return { mode };
  const sha256 =
    entry.kind === 'download' ? entry.download.sha256 : createHash('sha256').update(entry.content).digest('hex');
  return { mode, sha256 };
}
