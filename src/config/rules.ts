import { type Diagnostic, error, type Place } from '../diagnostic/diagnostic.ts';
import type { Path } from '../recipe/document.ts';
import type { Entry } from '../recipe/entries.ts';
import { type Architecture, architectures } from './architecture.ts';
import { installerSettings, placeholders } from './config.ts';
import { installerDefaults } from './defaults.ts';
import type { InstallerSettings, NixConfValue, RecipeEntry } from './recipe-entry.ts';
import { type Release, releases } from './releases.ts';

/** Where BlueBuild mounts the project's `files/` during the build (template/templates/Containerfile.j2). */
export const filesDirectory = '/tmp/files';

/** What the schema cannot say about an entry that matches it. */
export function ruleDiagnostics(entry: Entry, value: RecipeEntry, architecture: Architecture): Diagnostic[] {
  return [
    ...persistence(entry, value),
    ...installer(entry, value, architecture),
    ...nixConf(entry, value),
    ...telemetry(entry, value),
  ];
}

// Directories that hold other things, are cleaned by systemd-tmpfiles (tmp.conf), or are links to /run (file-hierarchy(7)).
const reserved = new Map([
  ...'adm cache db empty home lib local log mail mnt opt roothome spool srv usrlocal'
    .split(' ')
    .map((name) => [name, { only: true, why: 'is used for other data' }] as const),
  ['tmp', { only: false, why: 'is cleaned up automatically' }],
  ['run', { only: false, why: 'is cleared at every boot' }],
  ['lock', { only: false, why: 'is cleared at every boot' }],
]);

function persistence(entry: Entry, { persistence: path }: RecipeEntry): Diagnostic[] {
  const [, , top = '', ...rest] = (path ?? '').split('/');
  const rule = reserved.get(top);
  if (!rule || (rule.only && rest.length > 0)) return [];
  const help = 'use a directory of its own, like `/var/lib/nix`';
  return [error(`\`persistence\`: /var/${top} ${rule.why}`, entry.placeOf(['persistence']), help)];
}

function installer(entry: Entry, value: RecipeEntry, architecture: Architecture): Diagnostic[] {
  const settings: InstallerSettings = installerSettings(value);
  const { provider = installerDefaults.provider, args = [] } = settings;
  const at: PlaceOfSetting = (key) => entry.placeOf(['installer', key]);
  if (provider === 'system') return systemSettings(settings, at);
  return [
    ...digest(settings, releases[provider], architecture, at),
    ...url(settings, at),
    ...(provider === 'native' ? nativeArguments(args, at) : installerArguments(entry, settings)),
  ];
}

type PlaceOfSetting = (key: keyof InstallerSettings) => Place | undefined;

function systemSettings(settings: InstallerSettings, at: PlaceOfSetting): Diagnostic[] {
  const keys = (Object.keys(settings) as (keyof InstallerSettings)[]).filter((key) => key !== 'provider');
  return keys.map((key) =>
    error(`\`installer.${key}\` has no effect: with \`system\` Nix is a package of the image`, at(key), 'remove it'),
  );
}

function nativeArguments(args: readonly string[], at: PlaceOfSetting): Diagnostic[] {
  if (args.length === 0) return [];
  const help = 'remove it; settings of Nix belong in `nix-conf`';
  return [error('`installer.args` has no effect: `native` runs no nix-installer', at('args'), help)];
}

/** In characters. Linux passes far more to a program; anything longer is a mistake. */
const longestText = 64 * 1024;

function installerArguments(entry: Entry, { provider, args = [], embed = true }: InstallerSettings): Diagnostic[] {
  const at = (index: number) => entry.placeOf(['installer', 'args', index]);
  if (args.reduce((length, argument) => length + argument.length, 0) > longestText) {
    return [error('`installer.args` is longer than 64 KiB in total', entry.placeOf(['installer', 'args']))];
  }
  const [first] = args;
  if (first !== undefined && !first.startsWith('-')) {
    const help = 'start with an option; its value goes into the same item (`--option=value`) or the next one';
    return [
      error(`\`installer.args\`: ${JSON.stringify(first)} is neither an option nor the value of one`, at(0), help),
    ];
  }
  return args.flatMap((argument, index) => {
    const [name = ''] = argument.split('=', 1);
    const option = [...reservedArguments, ...foreignArguments[provider === 'nixos' ? 'nixos' : 'determinate']].find(
      ({ pattern }) => pattern.test(name),
    );
    if (name === '--prefer-upstream-nix' && provider !== 'nixos' && embed) {
      const help = 'set `embed: false`, or use `installer: nixos` or `native`, which have upstream Nix in the image';
      const message = '`installer.args`: with `--prefer-upstream-nix` first boot downloads Nix, but `embed` is `true`';
      return [error(message, at(index), help)];
    }
    return option ? [error(`\`installer.args\`: \`${name}\` ${option.why}`, at(index), option.help)] : [];
  });
}

// nix-installer's src/settings.rs, src/planner/ostree.rs and src/cli/subcommand/install.
const ids = { why: 'conflicts with the build users of the image', help: 'remove it' };
const setByModule = 'is set by this module';
const ofOtherPlanners = { why: 'is not an option of `install ostree`', help: 'remove it' };
const reservedArguments = [
  { pattern: /^--persistence$/, why: setByModule, help: 'use the key `persistence`' },
  { pattern: /^--extra-conf$/, why: setByModule, help: 'use the key `nix-conf`' },
  { pattern: /^--no-confirm$/, why: setByModule, help: 'remove it' },
  { pattern: /^--explain$/, why: 'is for interactive use', help: 'remove it' },
  { pattern: /^(--help|--version|-[A-Za-z]*[hV].*)$/, why: 'installs nothing', help: 'remove it' },
  {
    pattern: /^--skip-nix-conf$/,
    why: 'cannot be combined with the settings of this module',
    help: 'use the key `nix-conf`',
  },
  {
    pattern: /^--nix-package-url$/,
    why: 'installs a Nix without checking its digest',
    help: 'set another `version`, or use `installer: native`, whose `url` and `sha256` are those of Nix',
  },
  { pattern: /^--diagnostic-(endpoint|attribution)$/, why: 'controls telemetry', help: 'use the key `telemetry`' },
  { pattern: /^--(init|no-start-daemon)$/, ...ofOtherPlanners },
  { pattern: /^--$/, why: 'ends the options', help: 'remove it' },
  { pattern: /^--(nix-build-(user|group)-.*|daemon-user-count)$/, ...ids },
];

// What only the other installer knows.
const foreignArguments = {
  determinate: [{ pattern: /^--add-channel$/, why: 'is an option of the NixOS installer only', help: 'remove it' }],
  nixos: [
    {
      pattern: /^--(determinate|prefer-upstream-nix)$/,
      why: "is an option of Determinate's installer only",
      help: 'remove it: the NixOS installer installs upstream Nix',
    },
  ],
};

function telemetry(entry: Entry, value: RecipeEntry): Diagnostic[] {
  const { provider = 'determinate' }: InstallerSettings = installerSettings(value);
  if (provider === 'determinate' || (value.telemetry ?? 'off') === 'off') return [];
  const help = 'remove it, or use `installer: determinate`';
  return [error(`\`telemetry\`: \`installer: ${provider}\` sends none`, entry.placeOf(['telemetry']), help)];
}

function digest(
  settings: InstallerSettings,
  release: Release,
  architecture: Architecture,
  at: PlaceOfSetting,
): Diagnostic[] {
  const { version = release.version, sha256 } = settings;
  const own = settings.url !== undefined ? 'url' : version !== release.version ? 'version' : undefined;
  if (sha256 === undefined) {
    const help = `add the \`sha256\` of the file (only that of ${release.version} is built in)`;
    return own ? [error(`\`installer.${own}\` requires a digest`, at(own), help)] : [];
  }
  if (typeof sha256 !== 'string') {
    if (Object.keys(sha256).length === 0) {
      return [error('`installer.sha256` is empty', at('sha256'), `add ${architectures.join(' or ')}`)];
    }
    if (sha256[architecture] === undefined) {
      return [
        error(
          `\`installer.sha256\` has no digest for ${architecture}, the architecture of this image`,
          at('sha256'),
          `add \`${architecture}\``,
        ),
      ];
    }
  }
  const digest = typeof sha256 === 'string' ? sha256 : sha256[architecture];
  if (own === undefined && digest !== release.sha256[architecture]) {
    const help = 'set the `version` or `url` that it belongs to, or remove it';
    return [error(`\`installer.sha256\` is not the digest of the built-in ${release.version}`, at('sha256'), help)];
  }
  return [];
}

function url(settings: InstallerSettings, at: PlaceOfSetting): Diagnostic[] {
  if (settings.url === undefined) return [];
  const unknown = [...settings.url.matchAll(/\{([^{}]*)\}/g)].find(
    ([, name]) => !(placeholders as readonly (string | undefined)[]).includes(name),
  );
  if (unknown) {
    const help = `the placeholders are ${placeholders.map((name) => `\`{${name}}\``).join(' and ')}`;
    return [error(`\`installer.url\`: unknown placeholder \`${unknown[0]}\``, at('url'), help)];
  }
  if (!URL.canParse(settings.url))
    return [error('`installer.url` is not a valid URL', at('url'), 'write `https://HOST/PATH`')];
  const { protocol, pathname, username, password } = new URL(settings.url);
  if (username || password) {
    const help = 'use a URL without them, or put the file into `files/`';
    return [
      error(
        '`installer.url` contains a user name or password, which every user of the image can read',
        at('url'),
        help,
      ),
    ];
  }
  if (protocol !== 'file:') return [];
  // `new URL` has resolved `..` and `%2e%2e`; nothing that is still encoded may decode to a separator.
  if (!pathname.startsWith(`${filesDirectory}/`) || /%(2f|5c|00)|%(?![0-9a-f]{2})|\/$/i.test(pathname)) {
    const help = `put the file into \`files/\` and write \`file://${filesDirectory}/NAME\``;
    return [error(`\`installer.url\`: only files in \`files/\` of the project can be baked`, at('url'), help)];
  }
  if (settings.embed === false) {
    const help = 'remove `embed`, or use an https: URL';
    return [
      error('`installer.embed: false` needs an https: URL: the file is downloaded at first boot', at('embed'), help),
    ];
  }
  return [];
}

function nixConf(entry: Entry, value: RecipeEntry): Diagnostic[] {
  const settings = Object.entries(value['nix-conf'] ?? {});
  const length = settings.reduce((sum, [, setting]) => sum + lengthOf(setting), 0);
  if (length > longestText) return [error('`nix-conf` is longer than 64 KiB', entry.placeOf(['nix-conf'], 'key'))];
  return settings.flatMap(([name, setting]) => {
    const path = ['nix-conf', name];
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
      const help = 'settings are lower-case words with hyphens, like `max-jobs`';
      const message = `\`nix-conf\`: ${JSON.stringify(name)} is not the name of a setting`;
      return [error(message, entry.placeOf(path, 'key'), help)];
    }
    if (name === 'include') {
      const help = 'write its settings here';
      return [error('`nix-conf.include` would include another file', entry.placeOf(path, 'key'), help)];
    }
    if (!Array.isArray(setting)) return nixConfValue(entry, path, setting);
    return setting.flatMap((item, index) => {
      if (typeof item !== 'string' || !/\s|^$/.test(item)) return nixConfValue(entry, [...path, index], item);
      const message = `\`nix-conf.${name}\`: ${JSON.stringify(item)} is not one item: nix.conf separates items by spaces`;
      return [error(message, entry.placeOf([...path, index]), 'write each item separately')];
    });
  });
}

function nixConfValue(entry: Entry, path: Path, value: NixConfValue): Diagnostic[] {
  // What JavaScript writes in another way than it was written: 9223372036854775807 would become …6000, and 1e30 stay so.
  if (typeof value !== 'number' || (Math.abs(value) <= Number.MAX_SAFE_INTEGER && /^-?[0-9.]+$/.test(String(value)))) {
    return [];
  }
  const help = 'put it in quotes';
  return [
    error(`\`${path[0]}.${path[1]}\` has too many digits: it would be written as ${value}`, entry.placeOf(path), help),
  ];
}

function lengthOf(setting: NixConfValue): number {
  return Array.isArray(setting)
    ? setting.reduce<number>((sum, item) => sum + lengthOf(item) + 1, 0)
    : String(setting).length;
}
