/**
 * Mistakes that users make, and the diagnostics that they must get. Each expectation is `LINE:COLUMN message = help`,
 * as test/support/diagnostics-of.ts writes a diagnostic. It starts with `FILE:LINE:COLUMN` if the place is not in the
 * recipe itself, and with the message if there is no place.
 */
import { releases } from '../../src/config/releases.ts';

export type BadInput = {
  name: string;
  /** The recipe file, or the JSON that BlueBuild passes. */
  input: { recipe: string | Uint8Array } | { json: string };
  /** Files next to the recipe. */
  files: Record<string, string | Uint8Array>;
  says: string[];
};

/** The lines of a recipe below `- type: nix`, which start at line 3, column 5. */
const entry = (name: string, text: string, ...says: string[]): BadInput => ({
  name,
  input: { recipe: `modules:\n  - type: nix\n${text.replace(/^(?=.)/gm, '    ')}\n` },
  files: {},
  says,
});
const recipe = (name: string, text: string | Uint8Array, ...says: string[]): BadInput => ({
  name,
  input: { recipe: text },
  files: {},
  says,
});
const withFiles = (name: string, text: string, files: BadInput['files'], ...says: string[]): BadInput => ({
  name,
  input: { recipe: text },
  files,
  says,
});
const json = (name: string, text: string, ...says: string[]): BadInput => ({
  name,
  input: { json: text },
  files: {},
  says,
});

const digest = '0123456789abcdef'.repeat(4);
const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

const itsKeys =
  'its keys are `installer`, `persistence`, `transient-root`, `nix-conf`, `selinux`, `telemetry` and `maintenance`';

const keysOfInstaller = 'its keys are `provider`, `version`, `url`, `sha256`, `embed` and `args`';

/** `count` unknown keys, and the diagnostics of the first hundred. */
const hundred = (count: number): [text: string, ...says: string[]] => [
  Array.from({ length: count }, (_, index) => `k${index}: 1`).join('\n'),
  ...Array.from(
    { length: 100 },
    (_, index) => `${index + 3}:5 \`k${index}\` is not a key of the nix module = ${itsKeys}`,
  ),
];

const keys: BadInput[] = [
  entry(
    'a misspelt key',
    'instalar: nixos',
    '3:5 `instalar` is not a key of the nix module; did you mean `installer`? = ' + itsKeys,
  ),
  entry('an unknown key', 'flavour: vanilla', '3:5 `flavour` is not a key of the nix module = ' + itsKeys),
  entry(
    'a key with an underscore',
    'transient_root: off',
    '3:5 `transient_root` is not a key of the nix module; did you mean `transient-root`? = ' + itsKeys,
  ),
  entry(
    'a key in camel case',
    'nixConf: {}',
    '3:5 `nixConf` is not a key of the nix module; did you mean `nix-conf`? = ' + itsKeys,
  ),
  entry('an empty key', '"": 1', '3:5 `""` is not a key of the nix module = ' + itsKeys),
  entry('a key with a line break', '"a\\nb": 1', '3:5 `"a\\nb"` is not a key of the nix module = ' + itsKeys),
  entry(
    'a key that every object has',
    'constructor: 1',
    '3:5 `constructor` is not a key of the nix module = ' + itsKeys,
  ),
  entry(
    'the prototype as a key',
    '__proto__: {persistence: /var/lib/nix}',
    '3:5 `__proto__` is not a key of the nix module = ' + itsKeys,
  ),
  entry('a list as a key', '? [a, b]\n: c', '2:5 `"[ a, b ]"` is not a key of the nix module = ' + itsKeys),
  entry(
    'a merge key',
    '<<: {persistence: /var/lib/nix}',
    '3:5 `<<` is not a key of the nix module; YAML 1.2 has no merge keys = ' + itsKeys,
  ),
  entry(
    'a key of the installer beside it',
    'version: 3.21.9',
    '3:5 `version` is not a key of the nix module; it belongs to `installer` = ' + itsKeys,
  ),
  entry(
    'a key of the module in the installer',
    'installer:\n  persistence: /var/lib/nix',
    '4:7 `persistence` is not a key of `installer`; it belongs to the nix module = ' + keysOfInstaller,
  ),
  entry(
    'an unknown key of the installer',
    'installer: {color: red}',
    '3:17 `color` is not a key of `installer` = ' + keysOfInstaller,
  ),
  entry(
    'an unknown architecture',
    `installer:\n  sha256:\n    amd64: ${digest}`,
    '5:9 `amd64` is not a key of `installer.sha256`; did you mean `x86_64`? = its keys are `x86_64` and `aarch64`',
  ),
  entry(
    'several errors at once',
    'instaler: nixos\npersistence: nix\nselinux: maybe\nnix-conf:\n  cores: null',
    '3:5 `instaler` is not a key of the nix module; did you mean `installer`? = ' + itsKeys,
    '4:18 `persistence`: `"nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
    '5:14 `selinux` must be `auto`, `on` or `off`, not `"maybe"`',
    '7:14 `nix-conf.cores` is empty, and must be a string, a number, `true`, `false` or a list (each item: a string or a number)',
  ),
  entry(
    'two errors on a line, in the order of the line',
    'installer: {embed: 1, color: red, args: 2}',
    '3:24 `installer.embed` must be `true` or `false`, not `1`',
    `3:27 \`color\` is not a key of \`installer\` = ${keysOfInstaller}`,
    '3:45 `installer.args` must be a list (each item: a string), not `2`',
  ),
  entry(
    'an unknown key of 61 characters',
    `${'k'.repeat(61)}: 1`,
    `3:5 \`${'k'.repeat(59)}…\` is not a key of the nix module = ${itsKeys}`,
  ),
  entry(
    'an unknown key of 60 characters',
    `${'k'.repeat(60)}: 1`,
    `3:5 \`${'k'.repeat(60)}\` is not a key of the nix module = ${itsKeys}`,
  ),
  entry('a hundred unknown keys', ...hundred(100)),
  entry('a hundred unknown keys and more', ...hundred(150), 'and 50 more errors in this entry, not shown'),
];

const wordsTakenForBooleans: BadInput[] = [
  entry(
    'selinux: false',
    'selinux: false',
    "3:14 `selinux` must be `auto`, `on` or `off`, not `false`; did you mean `'off'`, with quotes?",
  ),
  entry(
    'transient-root: false',
    'transient-root: false',
    "3:21 `transient-root` must be `karg`, `initramfs` or `off`, not `false`; did you mean `'off'`, with quotes?",
  ),
  entry(
    'maintenance: true',
    'maintenance: true',
    "3:18 `maintenance` must be `off`, `on` or a mapping with `schedule`, `older-than`, `optimise` or `verify`, not `true`; did you mean `'on'`, with quotes?",
  ),
  entry(
    'an age without its unit',
    "maintenance: {older-than: '30'}",
    '3:31 `maintenance.older-than`: `"30"` is not a number of days = write it like `30d`',
  ),
  entry(
    'a schedule that is none',
    'maintenance: {schedule: hourly}',
    '3:29 `maintenance.schedule` must be `daily`, `weekly` or `monthly`, not `"hourly"`',
  ),
  entry('embed: maybe', 'installer: {embed: maybe}', '3:24 `installer.embed` must be `true` or `false`, not `"maybe"`'),
  entry(
    'selinux: true',
    'selinux: true',
    "3:14 `selinux` must be `auto`, `on` or `off`, not `true`; did you mean `'on'`, with quotes?",
  ),
];

const installer: BadInput[] = [
  entry(
    'an unknown provider',
    'installer: lix',
    '3:16 `installer` must be `determinate`, `nixos`, `native`, `system` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`, not `"lix"`',
  ),
  entry(
    'a provider in upper case',
    'installer: Determinate',
    '3:16 `installer` must be `determinate`, `nixos`, `native`, `system` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`, not `"Determinate"`; did you mean `determinate`?',
  ),
  entry(
    'arguments for an installer, where none is run',
    'installer:\n  provider: native\n  args: [--verbose]',
    '5:13 `installer.args` has no effect: `native` runs no nix-installer = remove it; settings of Nix belong in `nix-conf`',
  ),
  ...Object.entries({
    version: "'2.35.2'",
    url: 'https://a/b',
    sha256: digest,
    embed: 'false',
    args: '[--verbose]',
  }).map(([key, value]) =>
    entry(
      `${key}, where nothing is downloaded`,
      `installer:\n  provider: system\n  ${key}: ${value}`,
      `5:${key.length + 9} \`installer.${key}\` has no effect: with \`system\` Nix is a package of the image = remove it`,
    ),
  ),
  entry(
    'telemetry of a Nix that sends none',
    'installer: system\ntelemetry: determinate-systems',
    '4:16 `telemetry`: `installer: system` sends none = remove it, or use `installer: determinate`',
  ),
  entry(
    'a version of Nix without its digest',
    "installer: {provider: native, version: '2.34.0'}",
    `3:44 \`installer.version\` requires a digest = add the \`sha256\` of the file (only that of ${releases.native.version} is built in)`,
  ),
  entry(
    "the digest of nixos's installer for a Nix of the same version",
    `installer: {provider: native, sha256: ${releases.nixos.sha256.x86_64}}`,
    `3:43 \`installer.sha256\` is not the digest of the built-in ${releases.native.version} = set the \`version\` or \`url\` that it belongs to, or remove it`,
  ),
  entry(
    'a version with a v',
    `installer: {version: v3.21.9, sha256: ${digest}}`,
    '3:26 `installer.version`: `"v3.21.9"` is not a version = use a version number like `3.21.9`, without a `v`',
  ),
  entry(
    'a version that YAML takes for a number',
    `installer: {version: 3.21, sha256: ${digest}}`,
    '3:26 `installer.version` must be a string, not `3.21` = put it in quotes',
  ),
  entry(
    'a version without its digest',
    'installer:\n  version: 3.20.0',
    `4:16 \`installer.version\` requires a digest = add the \`sha256\` of the file (only that of ${releases.determinate.version} is built in)`,
  ),
  entry(
    'a version of the other provider without its digest',
    'installer:\n  provider: nixos\n  version: 3.21.9',
    `5:16 \`installer.version\` requires a digest = add the \`sha256\` of the file (only that of ${releases.nixos.version} is built in)`,
  ),
  entry(
    'a url without its digest',
    'installer:\n  url: https://example.org/nix-installer',
    `4:12 \`installer.url\` requires a digest = add the \`sha256\` of the file (only that of ${releases.determinate.version} is built in)`,
  ),
  entry(
    'a digest of nothing',
    `installer:\n  sha256: ${digest}`,
    `4:15 \`installer.sha256\` is not the digest of the built-in ${releases.determinate.version} = set the \`version\` or \`url\` that it belongs to, or remove it`,
  ),
  entry(
    'a digest of 63 digits',
    `installer:\n  url: https://example.org/i\n  sha256: ${digest.slice(1)}`,
    '5:15 `installer.sha256` has 63 digits instead of 64 = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'a digest in upper case',
    `installer:\n  url: https://example.org/i\n  sha256: ${digest.toUpperCase()}`,
    '5:15 `installer.sha256` contains upper-case digits = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'a digest with a prefix',
    `installer:\n  url: https://example.org/i\n  sha256: sha256:${digest}`,
    '5:15 `installer.sha256`: `"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"` has a prefix = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'a digest for the web (SRI)',
    'installer:\n  url: https://example.org/i\n  sha256: sha256-AAAA',
    '5:15 `installer.sha256`: `"sha256-AAAA"` has a prefix = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'a digest that is not hexadecimal',
    `installer:\n  url: https://example.org/i\n  sha256: ${'g'.repeat(64)}`,
    '5:15 `installer.sha256`: `"gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg"` is not hexadecimal = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'a digest that YAML takes for a number',
    `installer:\n  url: https://example.org/i\n  sha256: ${'1'.repeat(64)}`,
    '5:15 `installer.sha256` must be a string or a mapping with `x86_64` or `aarch64`, not `1.1111111111111112e+63` = put it in quotes',
  ),
  entry(
    'a digest of an architecture that is wrong',
    `installer:\n  url: https://example.org/i\n  sha256:\n    x86_64: abc`,
    '6:17 `installer.sha256.x86_64` has 3 digits instead of 64 = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'no digests',
    'installer:\n  url: https://example.org/i\n  sha256: {}',
    '5:15 `installer.sha256` is empty = add x86_64 or aarch64',
  ),
  entry(
    'no digest for this architecture',
    `installer:\n  url: https://example.org/i\n  sha256:\n    aarch64: ${digest}`,
    '6:9 `installer.sha256` has no digest for x86_64, the architecture of this image = add `x86_64`',
  ),
  entry(
    'a url without a scheme',
    `installer:\n  url: example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"example.org/i"` is not a supported URL = use `https://…`, or `file:///tmp/files/…` for a file in `files/` of the project',
  ),
  entry(
    'http',
    `installer:\n  url: http://example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"http://example.org/i"` is not encrypted = use `https://…`, or `file:///tmp/files/…` for a file in `files/` of the project',
  ),
  entry(
    'https in upper case',
    `installer:\n  url: HTTPS://example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"HTTPS://example.org/i"` is not a supported URL = use `https://…`, or `file:///tmp/files/…` for a file in `files/` of the project',
  ),
  entry(
    'a url with a space',
    `installer:\n  url: https://example.org/a b\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"https://example.org/a b"` contains a character that is not allowed in a URL = percent-encode it',
  ),
  entry(
    'a wrong url of more than 80 characters',
    `installer:\n  url: https://example.org/a b${'x'.repeat(80)}\n  sha256: ${digest}`,
    `4:12 \`installer.url\`: \`"https://example.org/a b${'x'.repeat(55)}…\` contains a character that is not allowed in a URL = percent-encode it`,
  ),
  entry(
    'a url that holds another',
    `installer:\n  url: example.org/?http://example.org\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"example.org/?http://example.org"` is not a supported URL = use `https://…`, or `file:///tmp/files/…` for a file in `files/` of the project',
  ),
  entry(
    'a url without a host',
    `installer:\n  url: https://?\n  sha256: ${digest}`,
    '4:12 `installer.url` is not a valid URL = write `https://HOST/PATH`',
  ),
  entry(
    'a user in the url',
    `installer:\n  url: https://me@example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url` contains a user name or password, which every user of the image can read = use a URL without them, or put the file into `files/`',
  ),
  entry(
    'a very long url',
    `installer:\n  url: https://example.org/${'x'.repeat(3000)}\n  sha256: ${digest}`,
    '4:12 `installer.url` has 3020 characters; the maximum is 2000',
  ),
  entry(
    'an unknown placeholder',
    `installer:\n  url: https://example.org/{os}-{arch}\n  sha256: ${digest}`,
    '4:12 `installer.url`: unknown placeholder `{os}` = the placeholders are `{arch}` and `{version}`',
  ),
  entry(
    'a file outside files/',
    `installer:\n  url: file:///etc/shadow\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file beside files/',
    `installer:\n  url: file:///tmp/files2/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file that leaves files/ by %2e%2e',
    `installer:\n  url: file:///tmp/files/%2e%2e/%2E%2E/etc/shadow\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with an encoded slash',
    `installer:\n  url: file:///tmp/files/..%2f..%2fetc%2fshadow\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with an encoded backslash',
    `installer:\n  url: file:///tmp/files/..%5Cx\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with an encoded NUL',
    `installer:\n  url: file:///tmp/files/a%00b\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with a broken escape',
    `installer:\n  url: file:///tmp/files/a%fz\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file on another host',
    `installer:\n  url: file://host/tmp/files/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"file://host/tmp/files/i"` is not a supported URL = use `https://…`, or `file:///tmp/files/…` for a file in `files/` of the project',
  ),
  entry(
    'files/ itself',
    `installer:\n  url: file:///tmp/files/\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files in `files/` of the project can be baked = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file for first boot',
    `installer:\n  url: file:///tmp/files/i\n  sha256: ${digest}\n  embed: false`,
    '6:14 `installer.embed: false` needs an https: URL: the file is downloaded at first boot = remove `embed`, or use an https: URL',
  ),
  entry(
    'arguments in one string',
    'installer:\n  args: --verbose --force',
    '4:13 `installer.args` must be a list (each item: a string), not `"--verbose --force"`',
  ),
  entry(
    'an argument that is a number',
    'installer:\n  args: [--proxy, 3]',
    '4:23 `installer.args[1]` must be a string, not `3` = put it in quotes',
  ),
  entry('an empty argument', 'installer:\n  args: [""]', '4:14 `installer.args[0]` is empty = remove it'),
  entry(
    'an argument with a line break',
    'installer:\n  args: ["--proxy=a\\nb"]',
    '4:14 `installer.args[0]`: `"--proxy=a\\nb"` contains a line break, another control character or an unpaired surrogate = an argument is one line of text',
  ),
  entry(
    'an argument with an unpaired surrogate',
    'installer:\n  args: ["--proxy=\\ud800"]',
    '4:14 `installer.args[0]`: `"--proxy=\\ud800"` contains a line break, another control character or an unpaired surrogate = an argument is one line of text',
  ),
  entry(
    'a first argument that is no option',
    'installer:\n  args: [linux]',
    '4:14 `installer.args`: "linux" is neither an option nor the value of one = start with an option; its value goes into the same item (`--option=value`) or the next one',
  ),
  entry(
    '--persistence=',
    'installer:\n  args: ["--persistence=/var/lib/x"]',
    '4:14 `installer.args`: `--persistence` is set by this module = use the key `persistence`',
  ),
  entry(
    '--extra-conf',
    'installer:\n  args: [--extra-conf, "cores = 1"]',
    '4:14 `installer.args`: `--extra-conf` is set by this module = use the key `nix-conf`',
  ),
  entry(
    '--no-confirm',
    'installer:\n  args: [--no-confirm]',
    '4:14 `installer.args`: `--no-confirm` is set by this module = remove it',
  ),
  entry(
    '--explain',
    'installer:\n  args: [--verbose, --explain]',
    '4:25 `installer.args`: `--explain` is for interactive use = remove it',
  ),
  entry('-vh', 'installer:\n  args: [-vh]', '4:14 `installer.args`: `-vh` installs nothing = remove it'),
  entry(
    '--skip-nix-conf',
    'installer:\n  args: [--skip-nix-conf]',
    '4:14 `installer.args`: `--skip-nix-conf` cannot be combined with the settings of this module = use the key `nix-conf`',
  ),
  entry(
    '--nix-package-url',
    'installer:\n  args: [--nix-package-url=https://a/nix.tar.xz]',
    '4:14 `installer.args`: `--nix-package-url` installs a Nix without checking its digest = set another `version`, or use `installer: native`, whose `url` and `sha256` are those of Nix',
  ),
  entry(
    '--diagnostic-endpoint',
    'installer:\n  args: [--diagnostic-endpoint=https://a]',
    '4:14 `installer.args`: `--diagnostic-endpoint` controls telemetry = use the key `telemetry`',
  ),
  entry(
    '--no-start-daemon',
    'installer:\n  args: [--no-start-daemon]',
    '4:14 `installer.args`: `--no-start-daemon` is not an option of `install ostree` = remove it',
  ),
  entry(
    '-- among the arguments',
    'installer:\n  args: [--force, --]',
    '4:23 `installer.args`: `--` ends the options = remove it',
  ),
  entry(
    "an option of the NixOS installer for Determinate's",
    'installer:\n  args: [--add-channel]',
    '4:14 `installer.args`: `--add-channel` is an option of the NixOS installer only = remove it',
  ),
  entry(
    "an option of Determinate's installer for the NixOS one",
    'installer:\n  provider: nixos\n  args: [--determinate]',
    "5:14 `installer.args`: `--determinate` is an option of Determinate's installer only = remove it: the NixOS installer installs upstream Nix",
  ),
  entry(
    'upstream Nix, which is downloaded at first boot, in an image that needs no network',
    'installer:\n  args: [--prefer-upstream-nix]',
    '4:14 `installer.args`: with `--prefer-upstream-nix` first boot downloads Nix, but `embed` is `true` = set `embed: false`, or use `installer: nixos` or `native`, which have upstream Nix in the image',
  ),
  entry(
    'telemetry of what sends none',
    'installer: nixos\ntelemetry: determinate-systems',
    '4:16 `telemetry`: `installer: nixos` sends none = remove it, or use `installer: determinate`',
  ),
  entry('--help', 'installer:\n  args: [--help]', '4:14 `installer.args`: `--help` installs nothing = remove it'),
  entry('-V', 'installer:\n  args: [-V]', '4:14 `installer.args`: `-V` installs nothing = remove it'),
  entry(
    '--nix-build-group-id=',
    'installer:\n  args: ["--nix-build-group-id=3000"]',
    '4:14 `installer.args`: `--nix-build-group-id` conflicts with the build users of the image = remove it',
  ),
  entry(
    '--daemon-user-count',
    'installer:\n  args: ["--daemon-user-count=4"]',
    '4:14 `installer.args`: `--daemon-user-count` conflicts with the build users of the image = remove it',
  ),
  entry(
    'endless arguments',
    `installer:\n  args: [--proxy=${'x'.repeat(70_000)}]`,
    '4:13 `installer.args` is longer than 64 KiB in total',
  ),
];

const persistence: BadInput[] = [
  entry(
    'a relative path',
    'persistence: var/lib/nix',
    '3:18 `persistence`: `"var/lib/nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'an empty path',
    'persistence: ""',
    '3:18 `persistence` is empty = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a path with ..',
    'persistence: /var/lib/../../etc',
    '3:18 `persistence`: `"/var/lib/../../etc"` contains `.` or `..` = write the path without them',
  ),
  entry(
    'a path with .',
    'persistence: /var/./lib/nix',
    '3:18 `persistence`: `"/var/./lib/nix"` contains `.` or `..` = write the path without them',
  ),
  entry(
    'a path outside /var',
    'persistence: /home/nix',
    '3:18 `persistence`: `"/home/nix"` is not under /var: only /var survives an image update = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a path that only begins like /var',
    'persistence: /variable/nix',
    '3:18 `persistence`: `"/variable/nix"` is not under /var: only /var survives an image update = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '/var',
    'persistence: /var',
    '3:18 `persistence`: `"/var"` is /var itself: all of it would appear in /nix = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '/var/',
    'persistence: /var/',
    '3:18 `persistence`: `"/var/"` is /var itself: all of it would appear in /nix = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '//var',
    'persistence: //var/lib/nix',
    '3:18 `persistence`: `"//var/lib/nix"` is not under /var: only /var survives an image update = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a double slash',
    'persistence: /var//lib/nix',
    '3:18 `persistence`: `"/var//lib/nix"` has a double or trailing slash = use single slashes, and none at the end',
  ),
  entry(
    'a trailing slash',
    'persistence: /var/lib/nix/',
    '3:18 `persistence`: `"/var/lib/nix/"` has a double or trailing slash = use single slashes, and none at the end',
  ),
  entry(
    '/var/lib',
    'persistence: /var/lib',
    '3:18 `persistence`: /var/lib is used for other data = use a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    'below /var/tmp',
    'persistence: /var/tmp/nix',
    '3:18 `persistence`: /var/tmp is cleaned up automatically = use a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    'below /var/run',
    'persistence: /var/run/nix',
    '3:18 `persistence`: /var/run is cleared at every boot = use a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    'a space',
    'persistence: /var/lib/nix store',
    '3:18 `persistence`: `"/var/lib/nix store"` contains a space = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a line break',
    'persistence: "/var/lib/nix\\nOptions=x"',
    '3:18 `persistence`: `"/var/lib/nix\\nOptions=x"` contains a line break = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a C1 control character',
    'persistence: "/var/lib/\\x9bnix"',
    '3:18 `persistence`: `"/var/lib/\u009bnix"` contains a control character = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a specifier of systemd',
    'persistence: /var/lib/%i',
    '3:18 `persistence`: `"/var/lib/%i"` contains `%`, which systemd treats as a specifier = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a command substitution',
    'persistence: /var/lib/$(id)',
    '3:18 `persistence`: `"/var/lib/$(id)"` contains `$` = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'backticks',
    'persistence: "/var/lib/`id`"',
    '3:18 `persistence`: `"/var/lib/`id`"` contains a backtick = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'an emoji',
    'persistence: /var/lib/❄️',
    '3:18 `persistence`: `"/var/lib/❄️"` contains `❄` = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a tab',
    'persistence: "/var/lib/ni\\tx"',
    '3:18 `persistence`: `"/var/lib/ni\\tx"` contains a control character = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'DEL',
    'persistence: "/var/lib/ni\\x7fx"',
    '3:18 `persistence`: `"/var/lib/ni\x7fx"` contains a control character = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a carriage return',
    'persistence: "/var/lib/nix\\rx"',
    '3:18 `persistence`: `"/var/lib/nix\\rx"` contains a line break = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a hidden directory in /var',
    'persistence: /var/.nix',
    '3:18 `persistence`: `"/var/.nix"` contains a name that starts with `.`, `+` or `-` = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a hidden directory',
    'persistence: /var/lib/.nix',
    '3:18 `persistence`: `"/var/lib/.nix"` contains a name that starts with `.`, `+` or `-` = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a name that looks like an option',
    'persistence: /var/lib/-rf',
    '3:18 `persistence`: `"/var/lib/-rf"` contains a name that starts with `.`, `+` or `-` = use an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '201 characters in short names',
    `persistence: /var${'/nix'.repeat(49)}x`,
    '3:18 `persistence` has 201 characters; the maximum is 200',
  ),
];

const otherValues: BadInput[] = [
  entry(
    'a near miss for the transient root',
    'transient-root: kargs',
    '3:21 `transient-root` must be `karg`, `initramfs` or `off`, not `"kargs"`; did you mean `karg`?',
  ),
  entry(
    'a setting with a line break',
    'nix-conf:\n  substituters: "a\\nbuild-hook = x"',
    '4:21 `nix-conf.substituters`: `"a\\nbuild-hook = x"` contains a line break, another control character or an unpaired surrogate = write a single line; use a list for several values',
  ),
  entry(
    'a setting with a comment',
    'nix-conf:\n  substituters: "a # b"',
    '4:21 `nix-conf.substituters`: `"a # b"` contains `#`, which starts a comment in nix.conf = remove the comment',
  ),
  entry(
    'a setting with an unpaired surrogate',
    'nix-conf:\n  substituters: "\\udfff"',
    '4:21 `nix-conf.substituters`: `"\\udfff"` contains a line break, another control character or an unpaired surrogate = write a single line; use a list for several values',
  ),
  entry(
    'an empty item',
    'nix-conf:\n  substituters: [a, ""]',
    '4:25 `nix-conf.substituters`: "" is not one item: nix.conf separates items by spaces = write each item separately',
  ),
  entry(
    'an item with a space',
    'nix-conf:\n  substituters: [a b]',
    '4:22 `nix-conf.substituters`: "a b" is not one item: nix.conf separates items by spaces = write each item separately',
  ),
  entry(
    'a setting named as what every object has',
    'nix-conf:\n  constructor: null',
    '4:20 `nix-conf.constructor` is empty, and must be a string, a number, `true`, `false` or a list (each item: a string or a number)',
  ),
  entry(
    'a setting in camel case',
    'nix-conf:\n  maxJobs: 4',
    '4:7 `nix-conf`: "maxJobs" is not the name of a setting = settings are lower-case words with hyphens, like `max-jobs`',
  ),
  entry(
    'a setting with a line break in its name',
    'nix-conf:\n  "a\\nb": 4',
    '4:7 `nix-conf`: "a\\nb" is not the name of a setting = settings are lower-case words with hyphens, like `max-jobs`',
  ),
  entry(
    'a setting with an empty name',
    'nix-conf:\n  "": 4',
    '4:7 `nix-conf`: "" is not the name of a setting = settings are lower-case words with hyphens, like `max-jobs`',
  ),
  entry(
    'an include',
    'nix-conf:\n  include: /etc/nix/other.conf',
    '4:7 `nix-conf.include` would include another file = write its settings here',
  ),
  entry(
    'infinity',
    'nix-conf:\n  max-free: .inf',
    '4:17 `nix-conf.max-free` must be a string, a number, `true`, `false` or a list (each item: a string or a number), not `Infinity`',
  ),
  entry(
    'a number that is too large to be exact',
    'nix-conf:\n  max-free: 9223372036854775807',
    '4:17 `nix-conf.max-free` has too many digits: it would be written as 9223372036854776000 = put it in quotes',
  ),
  entry(
    'a number that would be written with an exponent',
    'nix-conf:\n  max-free: 0.0000001',
    '4:17 `nix-conf.max-free` has too many digits: it would be written as 1e-7 = put it in quotes',
  ),
  entry(
    'an item that is too large to be exact',
    'nix-conf:\n  x: [18446744073709551615]',
    '4:11 `nix-conf.x` has too many digits: it would be written as 18446744073709552000 = put it in quotes',
  ),
  entry(
    'an endless setting',
    `nix-conf:\n  substituters: ${'x'.repeat(70_000)}`,
    '3:5 `nix-conf` is longer than 64 KiB',
  ),
  recipe(
    'an endless setting by aliases',
    `x: &x ${'x'.repeat(10_000)}\nmodules:\n  - type: nix\n    nix-conf:\n      a: [*x, *x, *x, *x, *x, *x, *x]\n`,
    '4:5 `nix-conf` is longer than 64 KiB',
  ),
];

const texts: BadInput[] = [
  recipe('an empty file', '', '1:1 a recipe is a mapping with a list `modules`'),
  recipe('only a document marker', '---\n', '1:4 a recipe is a mapping with a list `modules`'),
  recipe('a list', '- type: nix\n', '1:1 a recipe is a mapping with a list `modules`'),
  recipe(
    'two documents',
    'modules:\n  - type: nix\n---\nmodules: []\n',
    '3:1 a second YAML document starts here = remove the `---`: a recipe is one document',
  ),
  recipe(
    'a tab before a key',
    'modules:\n\t- type: nix\n',
    '2:1 a tab: YAML does not allow tabs for indentation = use spaces',
  ),
  recipe(
    'a key that is out of line',
    'modules:\n  - type: nix\n   persistence: /var/lib/nix\n',
    '3:1 the indentation does not match the lines above = keys of one mapping start in the same column; the content of a key or bracket is indented further',
  ),
  recipe(
    'the same key twice',
    'modules:\n  - type: nix\n    persistence: /var/lib/nix\n    persistence: /var/lib/other\n',
    '4:5 the key `persistence` appears twice in the same mapping = keep one of them (3:5 the first one is here)',
  ),
  recipe(
    'the same key twice, once in quotes',
    'modules:\n  - type: nix\n    "type": nix\n',
    '3:5 the key `type` appears twice in the same mapping = keep one of them (2:5 the first one is here)',
  ),
  recipe(
    'a quote that does not end',
    'modules:\n  - type: "nix\n    persistence: /var/lib/nix\n',
    '4:1 a double quote is not closed = close it; it starts on a line above',
  ),
  recipe(
    'a bracket that does not end',
    'modules:\n  - type: nix\n    nix-conf: {cores: 1\n',
    '4:1 the indentation does not match the lines above = keys of one mapping start in the same column; the content of a key or bracket is indented further',
  ),
  recipe(
    'a colon in a value',
    'modules:\n  - type: nix\n    persistence: a: b\n',
    '3:18 a second `: ` on this line = put a value with a colon in quotes; start a mapping on its own line',
  ),
  recipe(
    'a value that begins with %',
    'modules:\n  - type: nix\n    persistence: %S/nix\n',
    '3:18 a value without quotes cannot start with this character = put the whole value in quotes',
  ),
  recipe('an unknown escape', 'modules:\n  - type: "\\q"\n', '2:12 Invalid escape sequence \\q'),
  recipe(
    'an alias of nothing',
    'modules:\n  - type: nix\n    nix-conf: *shared\n',
    '3:15 there is no anchor for the alias `shared` = an anchor `&shared` must come before it; a text that starts with `*` needs quotes',
  ),
  recipe(
    'an alias before its anchor',
    'modules:\n  - type: nix\n    nix-conf: *shared\nx: &shared {}\n',
    '3:15 there is no anchor for the alias `shared` = an anchor `&shared` must come before it; a text that starts with `*` needs quotes',
  ),
  recipe(
    'an alias of itself',
    'modules:\n  - type: nix\n    nix-conf: &a {cores: *a}\n',
    '3:26 `nix-conf.cores` must be a string, a number, `true`, `false` or a list (each item: a string or a number), not a mapping',
  ),
  recipe(
    'modules in modules in modules',
    'modules: &m [*m]\n',
    '1:14 a module is a mapping with a `type` or a `from-file`',
  ),
  recipe(
    'merged settings',
    'x: &x {cores: 1}\nmodules:\n  - type: nix\n    nix-conf:\n      <<: *x\n',
    '5:11 `nix-conf.<<` must be a string, a number, `true`, `false` or a list (each item: a string or a number), not a mapping; YAML 1.2 has no merge keys',
  ),
  recipe(
    'a tag',
    'modules:\n  - type: nix\n    persistence: !path /var/lib/nix\n',
    '3:18 this tag has no meaning in a recipe = remove it, or put the value in quotes',
  ),
  recipe(
    'binary data',
    'modules:\n  - type: nix\n    persistence: !!binary L3Zhcg==\n',
    '3:27 `persistence` must be a string, not a mapping',
  ),
  recipe(
    'a billion laughs',
    `a0: &a0 [ha, ha]\n${Array.from({ length: 30 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]\n`).join('')}modules:\n  - type: nix\n    nix-conf: *a30\n`,
    '1:1 the aliases expand to too much data = write the repeated parts out, without anchors and aliases',
  ),
  recipe(
    '10 MB',
    `modules:\n${'  - type: nix\n'.repeat(800_000)}`,
    'recipe.yml is larger than 1 MiB = a recipe is a few kilobytes: is this the right file?',
  ),
  recipe(
    '100 000 opening brackets',
    `modules: ${'['.repeat(100_000)}`,
    'recipe.yml is nested too deeply = a recipe has a few levels: is this the right file?',
  ),
  recipe(
    'a NUL',
    'modules:\n  - type: nix\n    persistence: /var/lib/n\0x\n',
    '3:28 a control character (U+0000) = remove it, or write it as an escape in double quotes; is this a text file?',
  ),
  recipe(
    'an escape character',
    'modules:\n  - type: nix\n    persistence: /var/lib/\u001b[31mnix\n',
    '3:27 a control character (U+001B) = remove it, or write it as an escape in double quotes; is this a text file?',
  ),
  recipe(
    'Latin-1',
    bytes('modules:\n  - type: nix\n    persistence: /var/lib/n', [0xfc], 'x\n'),
    'recipe.yml is not UTF-8 text = save it as UTF-8',
  ),
  recipe(
    'a program',
    bytes([0x7f], 'ELF', [2, 1, 1, 0, 0, 0, 0]),
    '1:1 a control character (U+007F) = remove it, or write it as an escape in double quotes; is this a text file?',
  ),
  recipe(
    'CRLF',
    'modules:\r\n  - type: nix\r\n    persistence: nix\r\n',
    '3:18 `persistence`: `"nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
  ),
  recipe(
    'a byte order mark',
    '\ufeffmodules:\n  - type: nix\n    persistence: nix\n',
    '3:18 `persistence`: `"nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
  ),
  recipe(
    'a byte order mark before the only line',
    '\ufeff{modules: [{type: nix, persistence: nix}]}',
    '1:37 `persistence`: `"nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
  ),
  recipe(
    'characters of two units before the place',
    'modules:\n  - {type: nix, source: 🧊🧊, persistence: nix}\n',
    '2:44 `persistence`: `"nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
  ),
];

const recipes: BadInput[] = [
  recipe('modules that are no list', 'modules:\n  type: nix\n', '2:3 `modules` must be a list'),
  recipe('stages that are no list', 'stages:\n  name: x\n', '2:3 `stages` must be a list'),
  recipe('a module that is a word', 'modules:\n  - nix\n', '2:5 a module is a mapping with a `type` or a `from-file`'),
  recipe('a module that is nothing', 'modules:\n  -\n', '2:4 a module is a mapping with a `type` or a `from-file`'),
  recipe('a module without a type', 'modules:\n  - persistence: /var/lib/nix\n', '2:5 a module needs a `type`'),
  recipe('a type that is a number', 'modules:\n  - type: 3\n', '2:11 `type` must name a module'),
  recipe(
    'a version of the module that is not there',
    'modules:\n  - type: nix@v2\n',
    '2:11 `type` must be `nix`, `nix@v1` or `nix@latest`, not `"nix@v2"`; did you mean `nix@v1`?',
  ),
  recipe(
    'a type with an empty version',
    'modules:\n  - type: nix@\n',
    '2:11 `type` must be `nix`, `nix@v1` or `nix@latest`, not `"nix@"`; did you mean `nix`?',
  ),
  recipe('a stage that is a word', 'stages:\n  - build\n', '2:5 a stage is a mapping with a `name` or a `from-file`'),
  recipe(
    'a stage whose modules are no list',
    'stages:\n  - name: build\n    modules: nix\n',
    '3:14 `modules` must be a list',
  ),
  recipe(
    'two entries',
    'modules:\n  - type: nix\n  - type: files\n  - type: nix@v1\n    installer: nixos\n',
    '4:11 a second `type: nix` entry for the same image = keep one of them (2:11 the first one is here)',
  ),
  recipe(
    'two entries in one stage',
    'stages:\n  - name: build\n    modules:\n      - type: nix\n      - type: nix\n',
    '5:15 a second `type: nix` entry for the same image = keep one of them (4:15 the first one is here)',
  ),
  withFiles(
    'an entry and another in a file',
    'modules:\n  - type: nix\n  - from-file: a.yml\n',
    { 'a.yml': 'type: nix\n' },
    'a.yml:1:7 a second `type: nix` entry for the same image = keep one of them (2:11 the first one is here)',
  ),
  withFiles(
    'a file twice',
    'modules:\n  - from-file: a.yml\n  - from-file: a.yml\n',
    { 'a.yml': 'type: nix\n' },
    'a.yml:1:7 a second `type: nix` entry for the same image = keep one of them (a.yml:1:7 the first one is here)',
  ),
  withFiles(
    'an error in a nested file',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'modules:\n  - from-file: deep/b.yml\n', 'deep/b.yml': '# deep\ntype: nix\npersistence: nix\n' },
    'deep/b.yml:3:14 `persistence`: `"nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
  ),
  withFiles(
    'a file that is missing',
    'modules:\n  - from-file: a.yml\n',
    {},
    '2:16 a.yml: no such file = `from-file` is relative to .',
  ),
  withFiles(
    'a file that is missing, named in a file',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'modules:\n  - from-file: b.yml\n' },
    'a.yml:2:16 b.yml: no such file = `from-file` is relative to .',
  ),
  withFiles(
    'a file in a file',
    'modules:\n  - from-file: a.yml/b.yml\n',
    { 'a.yml': '' },
    '2:16 a.yml/b.yml: no such file = `from-file` is relative to .',
  ),
  withFiles(
    'a directory',
    'modules:\n  - from-file: a\n',
    { 'a/b.yml': '' },
    '2:16 a: is a directory, not a file = `from-file` is relative to .',
  ),
  withFiles(
    'a recipe that names itself',
    'modules:\n  - from-file: recipe.yml\n',
    {},
    '2:16 `from-file` is circular: recipe.yml → recipe.yml',
  ),
  withFiles(
    'a circle of files',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'modules:\n  - from-file: ./b.yml\n', 'b.yml': 'modules:\n  - from-file: a.yml\n' },
    'b.yml:2:16 `from-file` is circular: a.yml → b.yml → a.yml',
  ),
  withFiles(
    'files that double, thirty times',
    'modules:\n  - from-file: 0.yml\n',
    {
      '30.yml': 'modules: []\n',
      ...Object.fromEntries(
        Array.from({ length: 30 }, (_, index) => [
          `${index}.yml`,
          `modules:\n  - from-file: ${index + 1}.yml\n  - from-file: ${index + 1}.yml\n`,
        ]),
      ),
    },
    '27.yml:2:16 more than 1000 files are read by `from-file` = include each file once',
  ),
  withFiles(
    'other keys beside from-file',
    'modules:\n  - from-file: a.yml\n    type: nix\n',
    { 'a.yml': 'type: nix\n' },
    '2:16 `from-file` must be the only key',
  ),
  withFiles('from-file with a list', 'modules:\n  - from-file: [a.yml]\n', {}, '2:16 `from-file` must name a file'),
  withFiles('from-file with an empty name', 'modules:\n  - from-file: ""\n', {}, '2:16 `from-file` must name a file'),
  withFiles(
    'an empty file',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': '' },
    'a.yml:1:1 this file must contain one module, or a list `modules`',
  ),
  withFiles(
    'a file with a list',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': '- type: nix\n' },
    'a.yml:1:1 this file must contain one module, or a list `modules`',
  ),
  withFiles(
    'a file that is not YAML',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'type: [nix\n' },
    'a.yml:2:1 the indentation does not match the lines above = keys of one mapping start in the same column; the content of a key or bracket is indented further',
  ),
  withFiles(
    'a file that is not UTF-8',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': bytes([0xff, 0xfe]) },
    '2:16 a.yml is not UTF-8 text = save it as UTF-8',
  ),
  withFiles(
    'stages from a file with an error',
    'stages:\n  - from-file: s.yml\n',
    { 's.yml': 'stages:\n  - name: one\n    modules:\n      - type: nix\n        installer: 3\n' },
    's.yml:5:20 `installer` must be `determinate`, `nixos`, `native`, `system` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`, not `3`',
  ),
  withFiles(
    'stages in a circle',
    'stages:\n  - from-file: s.yml\n',
    { 's.yml': 'stages:\n  - from-file: s.yml\n' },
    's.yml:2:16 `from-file` is circular: s.yml → s.yml',
  ),
];

const configurations: BadInput[] = [
  json(
    'no text',
    '',
    'the configuration is not JSON: Unexpected end of JSON input = pass one JSON object in single quotes: \'{"type":"nix"}\'',
  ),
  json(
    'YAML',
    'type: nix',
    'the configuration is not JSON: Unexpected token \'y\', "type: nix" is not valid JSON = pass one JSON object in single quotes: \'{"type":"nix"}\'',
  ),
  json(
    'JSON with single quotes',
    "{'type':'nix'}",
    'the configuration is not JSON: Expected property name or \'}\' in JSON at position 1 (line 1 column 2) = pass one JSON object in single quotes: \'{"type":"nix"}\'',
  ),
  json('a list', '[{"type":"nix"}]', 'the configuration must be one JSON object = for example \'{"type":"nix"}\''),
  json('null', 'null', 'the configuration must be one JSON object = for example \'{"type":"nix"}\''),
  json('no type', '{}', '1:1 the nix module needs `type`'),
  json('another type', '{"type":"files"}', '1:9 `type` must be `nix`, `nix@v1` or `nix@latest`, not `"files"`'),
  json(
    'another version',
    '{"type":"nix@v2"}',
    '1:9 `type` must be `nix`, `nix@v1` or `nix@latest`, not `"nix@v2"`; did you mean `nix@v1`?',
  ),
  json(
    'a key twice',
    '{"type":"nix","persistence":"/var/lib/nix","persistence":"/var/lib/other"}',
    '1:44 the key `persistence` appears twice in the same mapping = keep one of them (1:15 the first one is here)',
  ),
  json(
    'an unknown key',
    '{"type":"nix","instaler":"nixos"}',
    '1:15 `instaler` is not a key of the nix module; did you mean `installer`? = ' + itsKeys,
  ),
  json(
    'a wrong value in the second line',
    '{"type":"nix",\n "persistence":"nix"}',
    '2:16 `persistence`: `"nix"` is not absolute = use an absolute path under /var, like `/var/lib/nix`',
  ),
  json(
    'null for a value',
    '{"type":"nix","installer":null}',
    '1:27 `installer` is empty, and must be `determinate`, `nixos`, `native`, `system` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`',
  ),
  json('1 MB', `{"type":"nix","env":{"a":"${'x'.repeat(1024 * 1024)}"}}`, 'the configuration is larger than 1 MiB'),
  json(
    '100 000 opening brackets',
    `{"type":"nix","env":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    '(configuration) is nested too deeply = a recipe has a few levels: is this the right file?',
  ),
  json(
    'an unpaired surrogate',
    '{"type":"nix","installer":{"args":["--proxy=\\ud800"]}}',
    '1:36 `installer.args[0]`: `"--proxy=\\ud800"` contains a line break, another control character or an unpaired surrogate = an argument is one line of text',
  ),
];

export const badInput: Record<string, BadInput[]> = {
  keys,
  wordsTakenForBooleans,
  installer,
  persistence,
  otherValues,
  texts,
  recipes,
  configurations,
};
