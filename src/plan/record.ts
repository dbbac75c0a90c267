import { hash } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { defaults } from '../config/defaults.ts';
import type { NixConfValue } from '../config/recipe-entry.ts';
import { type ImageEntry, modeText } from './image-entry.ts';
import type { Plan } from './plan.ts';
import { textEntry } from './static-files.ts';

export const manifestPath = '/usr/share/bluebuild/nix/manifest.json';
const configurationPath = '/usr/share/bluebuild/nix/configuration.yml';
export const recordPaths = [configurationPath, manifestPath];

/** An entry as the manifest has it: a file's mode and digest, a directory's mode, or a link's target. */
export type Described = { mode?: string; sha256?: string; target?: string };

/** What was baked, for people (configuration.yml) and for programs (manifest.json). `entries`: all the others. */
export function recordEntries(
  { config, moduleVersion, parts, leftOut }: Plan,
  entries: readonly ImageEntry[],
): ImageEntry[] {
  const { installer, persistence, transientRoot, selinux, telemetry, maintenance, nixConf, architecture } = config;
  const configuration = {
    type: 'nix',
    installer: Object.fromEntries(
      Object.entries(installer).flatMap(([key, value]) =>
        value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [[key, value] as const],
      ),
    ),
    persistence,
    'transient-root': transientRoot,
    selinux,
    telemetry,
    maintenance: maintenanceEntry(maintenance),
    'nix-conf': nixConf,
  } satisfies Record<'type' | keyof typeof defaults, Mapping[string] | undefined>;
  const steps = parts.flatMap(({ name, step, edited }) => {
    const path = (step ?? edited)?.path;
    return path === undefined ? [] : [[name, path]];
  });
  const notTaken = leftOut.flatMap(({ name, step }) => (step ? [name] : []));
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
    telemetry,
    maintenance: maintenance === 'off' ? 'off' : 'on',
    files: Object.fromEntries(entries.map((entry) => [entry.path, describe(entry)])),
    ...(steps.length > 0 && { steps: Object.fromEntries(steps) as Record<string, string> }),
    ...(notTaken.length > 0 && { leftOut: notTaken }),
  };
  const comment = `# What bluebuild-nix ${moduleVersion} baked into this image, with every default filled in.\n`;
  return [
    textEntry(configurationPath, `${comment}${yaml(configuration)}`),
    textEntry(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`),
  ];
}

/** As it is written in a recipe. */
function maintenanceEntry(maintenance: Config['maintenance']): string | Mapping {
  if (maintenance === 'off') return maintenance;
  const { olderThan, ...settings } = maintenance;
  return olderThan === undefined ? settings : { ...settings, 'older-than': olderThan };
}

type Mapping = { readonly [key: string]: NixConfValue | readonly string[] | Mapping };

/**
 * A configuration as YAML. By hand, because loading the library takes longer than the whole plan; what is not a plain word
 * is written as JSON, which is YAML.
 */
function yaml(mapping: Mapping, indent = ''): string {
  const scalar = (value: string | number | boolean) =>
    /^[a-z/]([\w./:+-]*\w)?$/i.test(String(value)) && !notText.test(String(value))
      ? String(value)
      : JSON.stringify(value);
  return Object.entries(mapping)
    .map(([key, value]) => {
      const name = `${indent}${scalar(key)}:`;
      if (typeof value !== 'object') return `${name} ${scalar(value)}\n`;
      const inner = `${indent}  `;
      const lines = Array.isArray(value)
        ? value.map((item: string | number) => `${inner}- ${scalar(item)}\n`).join('')
        : yaml(value as Mapping, inner);
      return lines === '' ? `${name} ${Array.isArray(value) ? '[]' : '{}'}\n` : `${name}\n${lines}`;
    })
    .join('');
}

/** Words that YAML 1.2 does not read as text. */
const notText = /^(true|false|null)$/i;

function describe(entry: ImageEntry): Described {
  if (entry.kind === 'symlink') return { target: entry.target };
  const mode = modeText(entry.mode);
  if (entry.kind === 'directory') return { mode };
  const sha256 = entry.kind === 'download' ? entry.download.sha256 : hash('sha256', entry.content);
  return { mode, sha256 };
}
