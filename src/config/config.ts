import type { Architecture } from './architecture.ts';
import { defaults, installerDefaults, maintenanceDefaults } from './defaults.ts';
import type { InstallerSettings, NixConfValue, Provider, RecipeEntry } from './recipe-entry.ts';
import { releases } from './releases.ts';

/** What is to be baked: a valid recipe entry with every default filled in, for one architecture. */
export type Config = {
  architecture: Architecture;
  installer: DownloadedInstaller | OwnPackage;
  /** Absolute, under /var, normal: no `.`, `..` or double slash. */
  persistence: string;
  transientRoot: 'karg' | 'initramfs' | 'off';
  selinux: 'auto' | 'on' | 'off';
  telemetry: 'off' | 'determinate-systems';
  maintenance:
    | 'off'
    | {
        schedule: 'daily' | 'weekly' | 'monthly';
        /** Number and unit, as Nix takes it; undefined: all generations stay. */
        olderThan: string | undefined;
        optimise: boolean;
        verify: boolean;
      };
  /** In the order in which nix.conf will hold them. */
  nixConf: Readonly<Record<string, NixConfValue>>;
};

/** The providers of which something is downloaded, while the image is built or at first boot. */
export type Downloaded = Exclude<Provider, 'system'>;

type DownloadedInstaller = {
  provider: Downloaded;
  version: string;
  /** Complete: nothing is left to be replaced in it. */
  url: string;
  /** Lower-case hexadecimal. */
  sha256: string;
  embed: boolean;
  args: readonly string[];
};

/** The Nix that is a package of the image has none of the settings. */
type OwnPackage = { provider: 'system' } & { [key in keyof Omit<DownloadedInstaller, 'provider'>]?: undefined };

/** The settings of `installer`, whichever of its two forms was written. */
export function installerSettings(entry: RecipeEntry): InstallerSettings {
  const { installer = defaults.installer } = entry;
  return typeof installer === 'string' ? { provider: installer } : installer;
}

/** Fills in a recipe entry; it must have passed `checkEntry` for this architecture. */
export function configOf(entry: RecipeEntry, architecture: Architecture): Config {
  return {
    architecture,
    installer: installerOf(installerSettings(entry), architecture),
    persistence: entry.persistence ?? defaults.persistence,
    transientRoot: entry['transient-root'] ?? defaults['transient-root'],
    selinux: entry.selinux ?? defaults.selinux,
    telemetry: entry.telemetry ?? defaults.telemetry,
    maintenance: maintenanceOf(entry),
    nixConf: { ...defaults['nix-conf'], ...entry['nix-conf'] },
  };
}

function installerOf(settings: InstallerSettings, architecture: Architecture): Config['installer'] {
  const provider = settings.provider ?? installerDefaults.provider;
  if (provider === 'system') return { provider };
  const release = releases[provider];
  const version = settings.version ?? release.version;
  const { sha256 = release.sha256 } = settings;
  const digest = typeof sha256 === 'string' ? sha256 : sha256[architecture];
  if (digest === undefined) throw new Error(`no digest for ${architecture} in an entry that was checked`);
  return {
    provider,
    version,
    url: fillIn(settings.url ?? release.url, { version, arch: architecture }),
    sha256: digest,
    embed: settings.embed ?? installerDefaults.embed,
    args: settings.args ?? installerDefaults.args,
  };
}

function maintenanceOf({ maintenance = defaults.maintenance }: RecipeEntry): Config['maintenance'] {
  if (maintenance === 'off') return 'off';
  const { 'older-than': olderThan, ...settings } = maintenance === 'on' ? {} : maintenance;
  return { ...maintenanceDefaults, ...settings, olderThan };
}

/** The placeholders of a url. */
export const placeholders = ['arch', 'version'] as const;

/** Puts values in the place of the placeholders. */
export function fillIn(url: string, values: Record<(typeof placeholders)[number], string>): string {
  return placeholders.reduce((text, name) => text.replaceAll(`{${name}}`, values[name]), url);
}
