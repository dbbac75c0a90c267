/**
 * What people get wrong, and what they must be told. Each expectation is `LINE:COLUMN message = help`, as
 * test/unit/bad-input.test.ts writes a diagnostic; `FILE:LINE:COLUMN` where it is not in the recipe itself, nothing
 * before the message where it has no place.
 */
export type BadInput = {
  name: string;
  /** The recipe file, or the JSON that BlueBuild passes. */
  input: { recipe: string | Uint8Array } | { json: string };
  /** Files beside the recipe. */
  files: Record<string, string | Uint8Array>;
  says: string[];
};

/** The lines below `- type: nix` of a recipe: they begin in line 3, column 5. */
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

const itsKeys = 'its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`';

const keys: BadInput[] = [
  entry(
    'a misspelt key',
    'instaler: nixos',
    '3:5 `instaler` is not a key of the nix module; did you mean `installer`? = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'an unknown key',
    'flavour: vanilla',
    '3:5 `flavour` is not a key of the nix module = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a key with an underscore',
    'transient_root: off',
    '3:5 `transient_root` is not a key of the nix module; did you mean `transient-root`? = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a key in upper case',
    'Persistence: /var/lib/nix',
    '3:5 `Persistence` is not a key of the nix module; did you mean `persistence`? = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a key in camel case',
    'nixConf: {}',
    '3:5 `nixConf` is not a key of the nix module; did you mean `nix-conf`? = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'an empty key',
    '"": 1',
    '3:5 `""` is not a key of the nix module = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a key with a line break',
    '"a\\nb": 1',
    '3:5 `"a\\nb"` is not a key of the nix module = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a key that every object has',
    'constructor: 1',
    '3:5 `constructor` is not a key of the nix module = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'the prototype as a key',
    '__proto__: {persistence: /var/lib/nix}',
    '3:5 `__proto__` is not a key of the nix module = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a number as a key',
    '1: 2',
    '3:5 `1` is not a key of the nix module = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a list as a key',
    '? [a, b]\n: c',
    '2:5 `"[ a, b ]"` is not a key of the nix module = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a merge key',
    '<<: {persistence: /var/lib/nix}',
    '3:5 `<<` is not a key of the nix module; YAML 1.2 has no merge keys = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a key of the installer beside it',
    'version: 3.21.9',
    '3:5 `version` is not a key of the nix module; it is one of `installer` = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'a key of the module in the installer',
    'installer:\n  persistence: /var/lib/nix',
    '4:7 `persistence` is not a key of `installer`; it is one of the nix module = its keys are `provider`, `version`, `url`, `sha256`, `embed` and `args`',
  ),
  entry(
    'a misspelt key of the installer',
    'installer:\n  vesion: 3.21.9',
    '4:7 `vesion` is not a key of `installer`; did you mean `version`? = its keys are `provider`, `version`, `url`, `sha256`, `embed` and `args`',
  ),
  entry(
    'an unknown key of the installer',
    'installer: {color: red}',
    '3:17 `color` is not a key of `installer` = its keys are `provider`, `version`, `url`, `sha256`, `embed` and `args`',
  ),
  entry(
    'an unknown architecture',
    `installer:\n  sha256:\n    amd64: ${digest}`,
    '5:9 `amd64` is not a key of `installer.sha256`; did you mean `x86_64`? = its keys are `x86_64` and `aarch64`',
  ),
  entry(
    'a misspelt architecture',
    `installer:\n  sha256:\n    x86-64: ${digest}`,
    '5:9 `x86-64` is not a key of `installer.sha256`; did you mean `x86_64`? = its keys are `x86_64` and `aarch64`',
  ),
  entry(
    'an empty configuration of another kind',
    'no_cache: true',
    '3:5 `no_cache` is not a key of the nix module; did you mean `no-cache`? = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  entry(
    'several errors at once',
    'instaler: nixos\npersistence: nix\nselinux: maybe\nnix-conf:\n  cores: null',
    '3:5 `instaler` is not a key of the nix module; did you mean `installer`? = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
    '4:18 `persistence`: `"nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
    '5:14 `selinux` must be `auto`, `on` or `off`, not `"maybe"`',
    '7:14 `nix-conf.cores` is empty, and must be a string, a number, `true`, `false` or a list (each item: a string or a number)',
  ),
  entry(
    'a hundred unknown keys and more',
    Array.from({ length: 150 }, (_, index) => `k${index}: 1`).join('\n'),
    ...Array.from(
      { length: 100 },
      (_, index) => `${index + 3}:5 \`k${index}\` is not a key of the nix module = ${itsKeys}`,
    ),
    'and 50 more errors in this entry, not shown',
  ),
];

const provider = '`determinate`, `nixos` or `native`';
const setting = 'a string, a number, `true`, `false` or a list (each item: a string or a number)';
const kinds = {
  string: { yaml: 'some text', shown: '`"some text"`' },
  number: { yaml: '3', shown: '`3`' },
  boolean: { yaml: 'true', shown: '`true`' },
  null: { yaml: 'null', shown: '' },
  list: { yaml: '[a]', shown: 'a list' },
  mapping: { yaml: '{a: b}', shown: 'a mapping' },
};

/** A key, how it is written (`§` for the value), what it must be, and the kinds of values that it must not be. */
const types: [key: string, yaml: string, must: string, wrong: (keyof typeof kinds)[]][] = [
  ['source', 'source: §', 'a string', ['number', 'boolean', 'null', 'list', 'mapping']],
  ['no-cache', 'no-cache: §', '`true` or `false`', ['string', 'number', 'null', 'list', 'mapping']],
  ['env', 'env: §', 'a mapping', ['string', 'number', 'boolean', 'null', 'list']],
  ['env.A', 'env: {A: §}', 'a string, a number, `true` or `false`', ['null', 'list', 'mapping']],
  ['secrets', 'secrets: §', 'a list (each item: a mapping)', ['string', 'number', 'boolean', 'null', 'mapping']],
  ['secrets[0]', 'secrets: [§]', 'a mapping', ['string', 'number', 'boolean', 'null', 'list']],
  [
    'installer',
    'installer: §',
    '`determinate`, `nixos`, `native` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`',
    ['string', 'number', 'boolean', 'null', 'list'],
  ],
  [
    'installer.provider',
    'installer: {provider: §}',
    provider,
    ['string', 'number', 'boolean', 'null', 'list', 'mapping'],
  ],
  ['installer.version', 'installer: {version: §}', 'a string', ['number', 'boolean', 'null', 'list', 'mapping']],
  ['installer.url', 'installer: {url: §}', 'a string', ['number', 'boolean', 'null', 'list', 'mapping']],
  [
    'installer.sha256',
    'installer: {sha256: §}',
    'a string or a mapping with `x86_64` or `aarch64`',
    ['number', 'boolean', 'null', 'list'],
  ],
  [
    'installer.sha256.x86_64',
    'installer: {sha256: {x86_64: §}}',
    'a string',
    ['number', 'boolean', 'null', 'list', 'mapping'],
  ],
  ['installer.embed', 'installer: {embed: §}', '`true` or `false`', ['string', 'number', 'null', 'list', 'mapping']],
  [
    'installer.args',
    'installer: {args: §}',
    'a list (each item: a string)',
    ['string', 'number', 'boolean', 'null', 'mapping'],
  ],
  ['installer.args[0]', 'installer: {args: [§]}', 'a string', ['number', 'boolean', 'null', 'list', 'mapping']],
  ['persistence', 'persistence: §', 'a string', ['number', 'boolean', 'null', 'list', 'mapping']],
  [
    'transient-root',
    'transient-root: §',
    '`karg`, `initramfs` or `off`',
    ['string', 'number', 'boolean', 'null', 'list', 'mapping'],
  ],
  ['nix-conf', 'nix-conf: §', 'a mapping', ['string', 'number', 'boolean', 'null', 'list']],
  ['nix-conf.cores', 'nix-conf: {cores: §}', setting, ['null', 'mapping']],
  ['nix-conf.cores[0]', 'nix-conf: {cores: [§]}', 'a string or a number', ['boolean', 'null', 'list', 'mapping']],
  ['selinux', 'selinux: §', '`auto`, `on` or `off`', ['string', 'number', 'null', 'list', 'mapping']],
];

const wrongTypes: BadInput[] = types.flatMap(([key, yaml, must, wrong]) =>
  wrong.map((kind) => {
    const at = `3:${5 + yaml.indexOf('§')} \`${key}\``;
    const quotes = must.startsWith('a string') && ['number', 'boolean'].includes(kind) ? ' = put it in quotes' : '';
    const said =
      kind === 'null' ? `is empty, and must be ${must}` : `must be ${must}, not ${kinds[kind].shown}${quotes}`;
    return entry(`${key}: ${kind}`, yaml.replace('§', kinds[kind].yaml), `${at} ${said}`);
  }),
);

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
    'embed: "False"',
    'installer: {embed: "False"}',
    '3:24 `installer.embed` must be `true` or `false`, not `"False"`; did you mean `false`, without quotes?',
  ),
];

const installer: BadInput[] = [
  entry(
    'an unknown provider',
    'installer: lix',
    '3:16 `installer` must be `determinate`, `nixos`, `native` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`, not `"lix"`',
  ),
  entry(
    'a provider in upper case',
    'installer: Determinate',
    '3:16 `installer` must be `determinate`, `nixos`, `native` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`, not `"Determinate"`; did you mean `determinate`?',
  ),
  entry(
    'arguments for an installer, where none is run',
    'installer:\n  provider: native\n  args: [--verbose]',
    '5:13 `installer.args` are for a nix-installer, and `native` runs none = leave them out; settings of Nix itself go into `nix-conf`',
  ),
  entry(
    'a version of Nix without its digest',
    "installer: {provider: native, version: '2.34.0'}",
    '3:44 `installer.version` needs the digest of what it names = add `sha256`: nothing is baked whose digest is not known (2.35.2 is built in)',
  ),
  entry(
    "the digest of nixos's installer for a Nix of the same version",
    'installer: {provider: native, sha256: 5448a1cd70ad945cb4d36365defbaf3731eba38e23859f3dc8bd7418e1946acc}',
    '3:43 `installer.sha256` is not the digest of the built-in 2.35.2 = name the `version` or `url` it belongs to, or leave it out',
  ),
  entry(
    'a version with a v',
    `installer: {version: v3.21.9, sha256: ${digest}}`,
    '3:26 `installer.version`: `"v3.21.9"` is not a version = write a release like `3.21.9`, without a `v`',
  ),
  entry(
    'a version that is a word',
    `installer: {version: latest, sha256: ${digest}}`,
    '3:26 `installer.version`: `"latest"` is not a version = write a release like `3.21.9`, without a `v`',
  ),
  entry(
    'a version that YAML takes for a number',
    `installer: {version: 3.21, sha256: ${digest}}`,
    '3:26 `installer.version` must be a string, not `3.21` = put it in quotes',
  ),
  entry(
    'a version with a path',
    `installer: {version: ../3.21.9, sha256: ${digest}}`,
    '3:26 `installer.version`: `"../3.21.9"` is not a version = write a release like `3.21.9`, without a `v`',
  ),
  entry(
    'a version without its digest',
    'installer:\n  version: 3.20.0',
    '4:16 `installer.version` needs the digest of what it names = add `sha256`: nothing is baked whose digest is not known (3.21.9 is built in)',
  ),
  entry(
    'a version of the other provider without its digest',
    'installer:\n  provider: nixos\n  version: 3.21.9',
    '5:16 `installer.version` needs the digest of what it names = add `sha256`: nothing is baked whose digest is not known (2.35.2 is built in)',
  ),
  entry(
    'a url without its digest',
    'installer:\n  url: https://example.org/nix-installer',
    '4:12 `installer.url` needs the digest of what it names = add `sha256`: nothing is baked whose digest is not known (3.21.9 is built in)',
  ),
  entry(
    'a digest of nothing',
    `installer:\n  sha256: ${digest}`,
    '4:15 `installer.sha256` is not the digest of the built-in 3.21.9 = name the `version` or `url` it belongs to, or leave it out',
  ),
  entry(
    'a digest of 63 digits',
    `installer:\n  url: https://example.org/i\n  sha256: ${digest.slice(1)}`,
    '5:15 `installer.sha256` has 63 digits instead of 64 = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'a digest of 65 digits',
    `installer:\n  url: https://example.org/i\n  sha256: ${digest}0`,
    '5:15 `installer.sha256` has 65 digits instead of 64 = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'an empty digest',
    'installer:\n  url: https://example.org/i\n  sha256: ""',
    '5:15 `installer.sha256` has 0 digits instead of 64 = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
  ),
  entry(
    'a digest in upper case',
    `installer:\n  url: https://example.org/i\n  sha256: ${digest.toUpperCase()}`,
    '5:15 `installer.sha256` has upper-case digits = a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it',
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
    '6:9 `installer.sha256` has no digest for x86_64, which this image is for = add `x86_64`',
  ),
  entry(
    'a url without a scheme',
    `installer:\n  url: example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"example.org/i"` is not a url this module can fetch = write `https://…`, or `file:///tmp/files/…` for a file in the `files/` of the project',
  ),
  entry(
    'http',
    `installer:\n  url: http://example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"http://example.org/i"` is not encrypted = write `https://…`, or `file:///tmp/files/…` for a file in the `files/` of the project',
  ),
  entry(
    'ftp',
    `installer:\n  url: ftp://example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"ftp://example.org/i"` is not a url this module can fetch = write `https://…`, or `file:///tmp/files/…` for a file in the `files/` of the project',
  ),
  entry(
    'https in upper case',
    `installer:\n  url: HTTPS://example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"HTTPS://example.org/i"` is not a url this module can fetch = write `https://…`, or `file:///tmp/files/…` for a file in the `files/` of the project',
  ),
  entry(
    'a url with a space',
    `installer:\n  url: https://example.org/a b\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"https://example.org/a b"` has a character that a url cannot hold = write it percent-encoded',
  ),
  entry(
    'a url with a line break',
    `installer:\n  url: "https://example.org/a\\nb"\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"https://example.org/a\\nb"` has a character that a url cannot hold = write it percent-encoded',
  ),
  entry(
    'a url that is not ASCII',
    `installer:\n  url: https://example.org/ä\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"https://example.org/ä"` has a character that a url cannot hold = write it percent-encoded',
  ),
  entry(
    'a url without a host',
    `installer:\n  url: https://?\n  sha256: ${digest}`,
    '4:12 `installer.url` is not a url = write `https://HOST/PATH`',
  ),
  entry(
    'an empty url',
    `installer:\n  url: ""\n  sha256: ${digest}`,
    '4:12 `installer.url`: `""` is not a url this module can fetch = write `https://…`, or `file:///tmp/files/…` for a file in the `files/` of the project',
  ),
  entry(
    'a user in the url',
    `installer:\n  url: https://me@example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url` holds a user name or password, which every user of the image could read = name an address that needs none, or put the file into `files/`',
  ),
  entry(
    'a password in the url',
    `installer:\n  url: https://me:secret@example.org/i\n  sha256: ${digest}`,
    '4:12 `installer.url` holds a user name or password, which every user of the image could read = name an address that needs none, or put the file into `files/`',
  ),
  entry(
    'a very long url',
    `installer:\n  url: https://example.org/${'x'.repeat(3000)}\n  sha256: ${digest}`,
    '4:12 `installer.url` has 3020 characters, and at most 2000 can work',
  ),
  entry(
    'an unknown placeholder',
    `installer:\n  url: https://example.org/{os}-{arch}\n  sha256: ${digest}`,
    '4:12 `installer.url`: nothing is known as `{os}` = what is replaced is `{arch}` and `{version}`',
  ),
  entry(
    'an empty placeholder',
    `installer:\n  url: https://example.org/{}\n  sha256: ${digest}`,
    '4:12 `installer.url`: nothing is known as `{}` = what is replaced is `{arch}` and `{version}`',
  ),
  entry(
    'a file outside files/',
    `installer:\n  url: file:///etc/shadow\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file beside files/',
    `installer:\n  url: file:///tmp/files2/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file that leaves files/ by ..',
    `installer:\n  url: file:///tmp/files/../../etc/shadow\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file that leaves files/ by %2e%2e',
    `installer:\n  url: file:///tmp/files/%2e%2e/%2E%2E/etc/shadow\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with an encoded slash',
    `installer:\n  url: file:///tmp/files/..%2f..%2fetc%2fshadow\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with an encoded backslash',
    `installer:\n  url: file:///tmp/files/..%5Cx\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with an encoded NUL',
    `installer:\n  url: file:///tmp/files/a%00b\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file with a broken escape',
    `installer:\n  url: file:///tmp/files/a%zz\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file on another host',
    `installer:\n  url: file://host/tmp/files/i\n  sha256: ${digest}`,
    '4:12 `installer.url`: `"file://host/tmp/files/i"` is not a url this module can fetch = write `https://…`, or `file:///tmp/files/…` for a file in the `files/` of the project',
  ),
  entry(
    'files/ itself',
    `installer:\n  url: file:///tmp/files/\n  sha256: ${digest}`,
    '4:12 `installer.url`: only files of the project can be baked, and this is none = put the file into `files/` and write `file:///tmp/files/NAME`',
  ),
  entry(
    'a file for first boot',
    `installer:\n  url: file:///tmp/files/i\n  sha256: ${digest}\n  embed: false`,
    '6:14 `installer.embed: false` downloads at first boot, where a file: url leads nowhere = leave `embed` out, or name an https: url',
  ),
  entry(
    'embed as a word',
    'installer:\n  embed: yes',
    '4:14 `installer.embed` must be `true` or `false`, not `"yes"`; did you mean `true`?',
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
  entry('an empty argument', 'installer:\n  args: [""]', '4:14 `installer.args[0]` is empty = leave it out'),
  entry(
    'an argument with a line break',
    'installer:\n  args: ["--proxy=a\\nb"]',
    '4:14 `installer.args[0]`: `"--proxy=a\\nb"` holds a line break, another control character or half a character = an argument is one line of text',
  ),
  entry(
    'an argument with a NUL',
    'installer:\n  args: ["--proxy=a\\0b"]',
    '4:14 `installer.args[0]`: `"--proxy=a\\u0000b"` holds a line break, another control character or half a character = an argument is one line of text',
  ),
  entry(
    'an argument with half a character',
    'installer:\n  args: ["--proxy=\\ud800"]',
    '4:14 `installer.args[0]`: `"--proxy=\\ud800"` holds a line break, another control character or half a character = an argument is one line of text',
  ),
  entry(
    'a first argument that is no option',
    'installer:\n  args: [linux]',
    '4:14 `installer.args`: "linux" is no option, nor the value of one = begin with an option, and write its value into the same item (`--option=value`) or the next',
  ),
  entry(
    '--persistence',
    'installer:\n  args: [--persistence, /var/lib/x]',
    '4:14 `installer.args`: `--persistence` is set by this module = use the key `persistence`',
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
    '4:14 `installer.args`: `--no-confirm` is set by this module = leave it out: nobody is there to confirm',
  ),
  entry(
    '--explain',
    'installer:\n  args: [--verbose, --explain]',
    '4:25 `installer.args`: `--explain` explains to nobody = leave it out: nobody is there to read',
  ),
  entry('--help', 'installer:\n  args: [--help]', '4:14 `installer.args`: `--help` installs nothing = leave it out'),
  entry('-V', 'installer:\n  args: [-V]', '4:14 `installer.args`: `-V` installs nothing = leave it out'),
  entry(
    '--nix-build-user-count',
    'installer:\n  args: [--nix-build-user-count, "4"]',
    '4:14 `installer.args`: `--nix-build-user-count` would be at odds with the build users that the image has = leave it out',
  ),
  entry(
    '--nix-build-group-id=',
    'installer:\n  args: ["--nix-build-group-id=3000"]',
    '4:14 `installer.args`: `--nix-build-group-id` would be at odds with the build users that the image has = leave it out',
  ),
  entry(
    '--daemon-user-count',
    'installer:\n  args: ["--daemon-user-count=4"]',
    '4:14 `installer.args`: `--daemon-user-count` would be at odds with the build users that the image has = leave it out',
  ),
  entry(
    'endless arguments',
    `installer:\n  args: [--proxy=${'x'.repeat(70_000)}]`,
    '4:13 `installer.args` are longer than 64 KiB together',
  ),
];

const persistence: BadInput[] = [
  entry(
    'a relative path',
    'persistence: var/lib/nix',
    '3:18 `persistence`: `"var/lib/nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'an empty path',
    'persistence: ""',
    '3:18 `persistence` is empty = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a path with ..',
    'persistence: /var/lib/../../etc',
    '3:18 `persistence`: `"/var/lib/../../etc"` has `.` or `..` in it = write the path itself',
  ),
  entry(
    'a path with .',
    'persistence: /var/./lib/nix',
    '3:18 `persistence`: `"/var/./lib/nix"` has `.` or `..` in it = write the path itself',
  ),
  entry(
    'a path outside /var',
    'persistence: /home/nix',
    '3:18 `persistence`: `"/home/nix"` is not under /var, and only /var outlives an update of the image = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a path that only begins like /var',
    'persistence: /variable/nix',
    '3:18 `persistence`: `"/variable/nix"` is not under /var, and only /var outlives an update of the image = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'the root',
    'persistence: /',
    '3:18 `persistence`: `"/"` is not under /var, and only /var outlives an update of the image = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '/nix',
    'persistence: /nix',
    '3:18 `persistence`: `"/nix"` is not under /var, and only /var outlives an update of the image = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '/var',
    'persistence: /var',
    '3:18 `persistence`: `"/var"` is /var itself, which would become /nix whole = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '/var/',
    'persistence: /var/',
    '3:18 `persistence`: `"/var/"` is /var itself, which would become /nix whole = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '//var',
    'persistence: //var/lib/nix',
    '3:18 `persistence`: `"//var/lib/nix"` is not under /var, and only /var outlives an update of the image = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a double slash',
    'persistence: /var//lib/nix',
    '3:18 `persistence`: `"/var//lib/nix"` has an empty name in it = write single slashes',
  ),
  entry(
    'a trailing slash',
    'persistence: /var/lib/nix/',
    '3:18 `persistence`: `"/var/lib/nix/"` has an empty name in it = write single slashes',
  ),
  entry(
    '/var/lib',
    'persistence: /var/lib',
    '3:18 `persistence`: /var/lib holds other things than a store = name a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    '/var/home',
    'persistence: /var/home',
    '3:18 `persistence`: /var/home holds other things than a store = name a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    'below /var/tmp',
    'persistence: /var/tmp/nix',
    '3:18 `persistence`: /var/tmp is cleaned out from time to time = name a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    'below /var/run',
    'persistence: /var/run/nix',
    '3:18 `persistence`: /var/run is gone after every boot = name a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    'below /var/lock',
    'persistence: /var/lock/nix',
    '3:18 `persistence`: /var/lock is gone after every boot = name a directory of its own, like `/var/lib/nix`',
  ),
  entry(
    'a space',
    'persistence: /var/lib/nix store',
    '3:18 `persistence`: `"/var/lib/nix store"` has a space in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a quote',
    `persistence: /var/lib/n"ix`,
    '3:18 `persistence`: `"/var/lib/n\\"ix"` has `"` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'an apostrophe',
    `persistence: /var/lib/n'ix`,
    '3:18 `persistence`: `"/var/lib/n\'ix"` has `\'` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a line break',
    'persistence: "/var/lib/nix\\nOptions=x"',
    '3:18 `persistence`: `"/var/lib/nix\\nOptions=x"` has a line break in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a tab',
    'persistence: "/var/lib/ni\\tx"',
    '3:18 `persistence`: `"/var/lib/ni\\tx"` has a control character in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'an escape sequence',
    'persistence: "/var/lib/\\e[31mnix"',
    '3:18 `persistence`: `"/var/lib/\\u001b[31mnix"` has a control character in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a C1 control character',
    'persistence: "/var/lib/\\x9bnix"',
    '3:18 `persistence`: `"/var/lib/\u009bnix"` has a control character in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a specifier of systemd',
    'persistence: /var/lib/%i',
    '3:18 `persistence`: `"/var/lib/%i"` has `%`, which systemd would take for a specifier, in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a command substitution',
    'persistence: /var/lib/$(id)',
    '3:18 `persistence`: `"/var/lib/$(id)"` has `$` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'backticks',
    'persistence: "/var/lib/`id`"',
    '3:18 `persistence`: `"/var/lib/`id`"` has a backtick in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a semicolon',
    'persistence: /var/lib/nix;id',
    '3:18 `persistence`: `"/var/lib/nix;id"` has `;` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a backslash',
    'persistence: /var/lib/ni\\x',
    '3:18 `persistence`: `"/var/lib/ni\\\\x"` has `\\` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a colon',
    'persistence: /var/lib/nix:rw',
    '3:18 `persistence`: `"/var/lib/nix:rw"` has `:` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a tilde',
    'persistence: ~/nix',
    '3:18 `persistence`: `"~/nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a variable',
    'persistence: $HOME/nix',
    '3:18 `persistence`: `"$HOME/nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'an umlaut',
    'persistence: /var/lib/nüx',
    '3:18 `persistence`: `"/var/lib/nüx"` has `ü` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'an emoji',
    'persistence: /var/lib/❄️',
    '3:18 `persistence`: `"/var/lib/❄️"` has `❄` in it = use letters, digits and `.`, `_`, `+`, `-`',
  ),
  entry(
    'a hidden directory',
    'persistence: /var/lib/.nix',
    '3:18 `persistence`: `"/var/lib/.nix"` has a name that begins with `.`, `+` or `-` = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    'a name that looks like an option',
    'persistence: /var/lib/-rf',
    '3:18 `persistence`: `"/var/lib/-rf"` has a name that begins with `.`, `+` or `-` = write an absolute path under /var, like `/var/lib/nix`',
  ),
  entry(
    '5000 characters',
    `persistence: /var/${'x'.repeat(4995)}`,
    '3:18 `persistence` has 5000 characters, and at most 200 can work',
  ),
  entry(
    '201 characters in short names',
    `persistence: /var${'/nix'.repeat(49)}x`,
    '3:18 `persistence` has 201 characters, and at most 200 can work',
  ),
];

const otherValues: BadInput[] = [
  entry(
    'a wrong word for the transient root',
    'transient-root: yes',
    '3:21 `transient-root` must be `karg`, `initramfs` or `off`, not `"yes"`',
  ),
  entry(
    'a near miss for the transient root',
    'transient-root: kargs',
    '3:21 `transient-root` must be `karg`, `initramfs` or `off`, not `"kargs"`; did you mean `karg`?',
  ),
  entry(
    'a wrong word for SELinux',
    'selinux: permissive',
    '3:14 `selinux` must be `auto`, `on` or `off`, not `"permissive"`',
  ),
  entry(
    'a setting with a line break',
    'nix-conf:\n  substituters: "a\\nbuild-hook = x"',
    '4:21 `nix-conf.substituters`: `"a\\nbuild-hook = x"` holds a line break, another control character or half a character = write one line; for several values write a list',
  ),
  entry(
    'a setting of several lines',
    'nix-conf:\n  substituters: |\n    a\n    b',
    '4:21 `nix-conf.substituters`: `"a\\nb\\n"` holds a line break, another control character or half a character = write one line; for several values write a list',
  ),
  entry(
    'a setting with a comment',
    'nix-conf:\n  substituters: "a # b"',
    '4:21 `nix-conf.substituters`: `"a # b"` holds `#`, which begins a comment in nix.conf = leave the comment out',
  ),
  entry(
    'a setting with half a character',
    'nix-conf:\n  substituters: "\\udfff"',
    '4:21 `nix-conf.substituters`: `"\\udfff"` holds a line break, another control character or half a character = write one line; for several values write a list',
  ),
  entry(
    'an empty item',
    'nix-conf:\n  substituters: [a, ""]',
    '4:25 `nix-conf.substituters`: "" would not be one item: nix.conf separates them by spaces = write one list item for each',
  ),
  entry(
    'an item with a space',
    'nix-conf:\n  substituters: [a b]',
    '4:22 `nix-conf.substituters`: "a b" would not be one item: nix.conf separates them by spaces = write one list item for each',
  ),
  entry(
    'an item with a line break',
    'nix-conf:\n  substituters: ["a\\nb"]',
    '4:22 `nix-conf.substituters[0]`: `"a\\nb"` holds a line break, another control character or half a character = write one line; for several values write a list',
  ),
  entry(
    'an item that is a boolean',
    'nix-conf:\n  substituters: [a, true]',
    '4:25 `nix-conf.substituters[1]` must be a string or a number, not `true` = put it in quotes',
  ),
  entry(
    'an item that is a list',
    'nix-conf:\n  substituters: [[a]]',
    '4:22 `nix-conf.substituters[0]` must be a string or a number, not a list',
  ),
  entry(
    'a setting without a value',
    'nix-conf:\n  cores:',
    '4:13 `nix-conf.cores` is empty, and must be a string, a number, `true`, `false` or a list (each item: a string or a number)',
  ),
  entry(
    'a setting that is a mapping',
    'nix-conf:\n  cores: {a: 1}',
    '4:14 `nix-conf.cores` must be a string, a number, `true`, `false` or a list (each item: a string or a number), not a mapping',
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
    'a setting with an underscore',
    'nix-conf:\n  max_jobs: 4',
    '4:7 `nix-conf`: "max_jobs" is not the name of a setting = settings are lower-case words with hyphens, like `max-jobs`',
  ),
  entry(
    'a setting with a space',
    'nix-conf:\n  max jobs: 4',
    '4:7 `nix-conf`: "max jobs" is not the name of a setting = settings are lower-case words with hyphens, like `max-jobs`',
  ),
  entry(
    'a setting with an equals sign',
    'nix-conf:\n  "a = b": 4',
    '4:7 `nix-conf`: "a = b" is not the name of a setting = settings are lower-case words with hyphens, like `max-jobs`',
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
    'a setting that is a number',
    'nix-conf:\n  1: 4',
    '4:7 `nix-conf`: "1" is not the name of a setting = settings are lower-case words with hyphens, like `max-jobs`',
  ),
  entry(
    'an include',
    'nix-conf:\n  include: /etc/nix/other.conf',
    '4:7 `nix-conf.include` would be taken for an include of another file = write the settings themselves',
  ),
  entry(
    'infinity',
    'nix-conf:\n  max-free: .inf',
    '4:17 `nix-conf.max-free` must be a string, a number, `true`, `false` or a list (each item: a string or a number), not `Infinity`',
  ),
  entry(
    'not a number',
    'nix-conf:\n  max-free: .nan',
    '4:17 `nix-conf.max-free` must be a string, a number, `true`, `false` or a list (each item: a string or a number), not `NaN`',
  ),
  entry(
    'a number that is too large to be exact',
    'nix-conf:\n  max-free: 9223372036854775807',
    '4:17 `nix-conf.max-free` has too many digits, and would become 9223372036854776000 = put it in quotes, as nix.conf is to have it',
  ),
  entry(
    'a number that would be written with an exponent',
    'nix-conf:\n  max-free: 0.0000001',
    '4:17 `nix-conf.max-free` has too many digits, and would become 1e-7 = put it in quotes, as nix.conf is to have it',
  ),
  entry(
    'an item that is too large to be exact',
    'nix-conf:\n  x: [18446744073709551615]',
    '4:11 `nix-conf.x` has too many digits, and would become 18446744073709552000 = put it in quotes, as nix.conf is to have it',
  ),
  entry(
    'an endless setting',
    `nix-conf:\n  substituters: ${'x'.repeat(70_000)}`,
    '3:5 `nix-conf` comes to more than 64 KiB',
  ),
  recipe(
    'an endless setting by aliases',
    `x: &x ${'x'.repeat(10_000)}\nmodules:\n  - type: nix\n    nix-conf:\n      a: [*x, *x, *x, *x, *x, *x, *x]\n`,
    '4:5 `nix-conf` comes to more than 64 KiB',
  ),
];

const texts: BadInput[] = [
  recipe('an empty file', '', '1:1 a recipe is a mapping with a list `modules`'),
  recipe('only comments', '# a recipe\n# to come\n', '1:1 a recipe is a mapping with a list `modules`'),
  recipe('only a document marker', '---\n', '1:4 a recipe is a mapping with a list `modules`'),
  recipe('a list', '- type: nix\n', '1:1 a recipe is a mapping with a list `modules`'),
  recipe('a text', 'type nix\n', '1:1 a recipe is a mapping with a list `modules`'),
  recipe('a number', '42\n', '1:1 a recipe is a mapping with a list `modules`'),
  recipe(
    'two documents',
    'modules:\n  - type: nix\n---\nmodules: []\n',
    '3:1 a second YAML document begins here = remove the `---`: a recipe is one document',
  ),
  recipe(
    'a tab before a key',
    'modules:\n\t- type: nix\n',
    '2:1 a tab, with which nothing can be indented in YAML = use spaces',
  ),
  recipe(
    'a tab before a nested key',
    'modules:\n  - type: nix\n\t  persistence: /var/lib/nix\n',
    '3:1 a tab, with which nothing can be indented in YAML = use spaces',
  ),
  recipe(
    'a key that is out of line',
    'modules:\n  - type: nix\n   persistence: /var/lib/nix\n',
    '3:1 the indentation does not fit to what is above = keys of one mapping begin in the same column, and what is inside a key or bracket is further in',
  ),
  recipe(
    'the same key twice',
    'modules:\n  - type: nix\n    persistence: /var/lib/nix\n    persistence: /var/lib/other\n',
    '4:5 the key `persistence` stands twice in one mapping = keep one of them (3:5 the first one is here)',
  ),
  recipe(
    'the same key twice, once in quotes',
    'modules:\n  - type: nix\n    "type": nix\n',
    '3:5 the key `type` stands twice in one mapping = keep one of them (2:5 the first one is here)',
  ),
  recipe(
    'modules twice',
    'modules: []\nmodules:\n  - type: nix\n',
    '2:1 the key `modules` stands twice in one mapping = keep one of them (1:1 the first one is here)',
  ),
  recipe(
    'a quote that does not end',
    'modules:\n  - type: "nix\n    persistence: /var/lib/nix\n',
    '4:1 a double quote is not closed = close it; it begins in a line above',
  ),
  recipe(
    'a bracket that does not end',
    'modules:\n  - type: nix\n    nix-conf: {cores: 1\n',
    '4:1 the indentation does not fit to what is above = keys of one mapping begin in the same column, and what is inside a key or bracket is further in',
  ),
  recipe(
    'a colon in a value',
    'modules:\n  - type: nix\n    persistence: a: b\n',
    '3:18 a second `: ` in this line = put a value with a colon in quotes; begin a mapping in a line of its own',
  ),
  recipe(
    'a value that begins with %',
    'modules:\n  - type: nix\n    persistence: %S/nix\n',
    '3:18 no text begins with this character in YAML = put the whole value in quotes',
  ),
  recipe(
    'a value that begins with a backtick',
    'modules:\n  - type: nix\n    persistence: `pwd`\n',
    '3:18 no text begins with this character in YAML = put the whole value in quotes',
  ),
  recipe('an unknown escape', 'modules:\n  - type: "\\q"\n', '2:12 Invalid escape sequence \\q'),
  recipe(
    'an alias of nothing',
    'modules:\n  - type: nix\n    nix-conf: *shared\n',
    '3:15 nothing is anchored as `shared` = an anchor `&shared` must stand before it; a text that begins with `*` needs quotes',
  ),
  recipe(
    'an alias before its anchor',
    'modules:\n  - type: nix\n    nix-conf: *shared\nx: &shared {}\n',
    '3:15 nothing is anchored as `shared` = an anchor `&shared` must stand before it; a text that begins with `*` needs quotes',
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
    '3:18 this tag means nothing in a recipe = leave it out, or put the `!` in quotes',
  ),
  recipe(
    'binary data',
    'modules:\n  - type: nix\n    persistence: !!binary L3Zhcg==\n',
    '3:27 `persistence` must be a string, not a mapping',
  ),
  recipe(
    'a billion laughs',
    `a0: &a0 [ha, ha]\n${Array.from({ length: 30 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]\n`).join('')}modules:\n  - type: nix\n    nix-conf: *a30\n`,
    '1:1 aliases repeat too much here = write the repeated parts out, without anchors and aliases',
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
    'recipe.yml is not UTF-8 text = save it as UTF-8: BlueBuild reads nothing else',
  ),
  recipe(
    'UTF-16',
    Buffer.from('\ufeffmodules: []\n', 'utf16le'),
    'recipe.yml is not UTF-8 text = save it as UTF-8: BlueBuild reads nothing else',
  ),
  recipe(
    'a program',
    bytes([0x7f], 'ELF', [2, 1, 1, 0, 0, 0, 0]),
    '1:1 a control character (U+007F) = remove it, or write it as an escape in double quotes; is this a text file?',
  ),
  recipe(
    'CRLF',
    'modules:\r\n  - type: nix\r\n    persistence: nix\r\n',
    '3:18 `persistence`: `"nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  recipe(
    'a byte order mark',
    '\ufeffmodules:\n  - type: nix\n    persistence: nix\n',
    '3:18 `persistence`: `"nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  recipe(
    'a byte order mark before the only line',
    '\ufeff{modules: [{type: nix, persistence: nix}]}',
    '1:37 `persistence`: `"nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  recipe(
    'characters of two units before the place',
    'modules:\n  - {type: nix, source: 🧊🧊, persistence: nix}\n',
    '2:44 `persistence`: `"nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
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
    'three entries',
    'modules:\n  - type: nix\n  - type: nix\n  - type: nix\n',
    '3:11 a second `type: nix` entry for the same image = keep one of them (2:11 the first one is here)',
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
    'deep/b.yml:3:14 `persistence`: `"nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  withFiles(
    'a file that is missing',
    'modules:\n  - from-file: a.yml\n',
    {},
    '2:16 a.yml: no such file = `from-file` is looked up in .',
  ),
  withFiles(
    'a file that is missing, named in a file',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'modules:\n  - from-file: b.yml\n' },
    'a.yml:2:16 b.yml: no such file = `from-file` is looked up in .',
  ),
  withFiles(
    'a file in a file',
    'modules:\n  - from-file: a.yml/b.yml\n',
    { 'a.yml': '' },
    '2:16 a.yml/b.yml: no such file = `from-file` is looked up in .',
  ),
  withFiles(
    'a directory',
    'modules:\n  - from-file: a\n',
    { 'a/b.yml': '' },
    '2:16 a: is a directory, not a file = `from-file` is looked up in .',
  ),
  withFiles(
    'a recipe that names itself',
    'modules:\n  - from-file: recipe.yml\n',
    {},
    '2:16 `from-file` goes in a circle: recipe.yml → recipe.yml',
  ),
  withFiles(
    'a file that names itself',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'from-file: a.yml\n' },
    'a.yml:1:12 `from-file` goes in a circle: a.yml → a.yml',
  ),
  withFiles(
    'a circle of files',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'modules:\n  - from-file: ./b.yml\n', 'b.yml': 'modules:\n  - from-file: a.yml\n' },
    'b.yml:2:16 `from-file` goes in a circle: a.yml → b.yml → a.yml',
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
    '27.yml:2:16 more than 1000 files are read by `from-file` = name each once',
  ),
  withFiles(
    'other keys beside from-file',
    'modules:\n  - from-file: a.yml\n    type: nix\n',
    { 'a.yml': 'type: nix\n' },
    '2:16 `from-file` stands alone: BlueBuild allows no other key beside it',
  ),
  withFiles('from-file with a list', 'modules:\n  - from-file: [a.yml]\n', {}, '2:16 `from-file` must name a file'),
  withFiles('from-file with nothing', 'modules:\n  - from-file:\n', {}, '2:15 `from-file` must name a file'),
  withFiles('from-file with an empty name', 'modules:\n  - from-file: ""\n', {}, '2:16 `from-file` must name a file'),
  withFiles(
    'an empty file',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': '' },
    'a.yml:1:1 this file must hold one module, or a list `modules`',
  ),
  withFiles(
    'a file with a list',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': '- type: nix\n' },
    'a.yml:1:1 this file must hold one module, or a list `modules`',
  ),
  withFiles(
    'a file that is not YAML',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': 'type: [nix\n' },
    'a.yml:2:1 the indentation does not fit to what is above = keys of one mapping begin in the same column, and what is inside a key or bracket is further in',
  ),
  withFiles(
    'a file that is not UTF-8',
    'modules:\n  - from-file: a.yml\n',
    { 'a.yml': bytes([0xff, 0xfe]) },
    '2:16 a.yml is not UTF-8 text = save it as UTF-8: BlueBuild reads nothing else',
  ),
  withFiles(
    'stages from a file with an error',
    'stages:\n  - from-file: s.yml\n',
    { 's.yml': 'stages:\n  - name: one\n    modules:\n      - type: nix\n        installer: 3\n' },
    's.yml:5:20 `installer` must be `determinate`, `nixos`, `native` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`, not `3`',
  ),
  withFiles(
    'stages from a missing file',
    'stages:\n  - from-file: s.yml\n',
    {},
    '2:16 s.yml: no such file = `from-file` is looked up in .',
  ),
  withFiles(
    'stages in a circle',
    'stages:\n  - from-file: s.yml\n',
    { 's.yml': 'stages:\n  - from-file: s.yml\n' },
    's.yml:2:16 `from-file` goes in a circle: s.yml → s.yml',
  ),
];

const configurations: BadInput[] = [
  json(
    'no text',
    '',
    'the configuration is not JSON: Unexpected end of JSON input = pass one JSON mapping in single quotes: \'{"type":"nix"}\'',
  ),
  json(
    'YAML',
    'type: nix',
    'the configuration is not JSON: Unexpected token \'y\', "type: nix" is not valid JSON = pass one JSON mapping in single quotes: \'{"type":"nix"}\'',
  ),
  json(
    'JSON that ends early',
    '{"type":"nix"',
    "the configuration is not JSON: Expected ',' or '}' after property value in JSON at position 13 (line 1 column 14) = pass one JSON mapping in single quotes: '{\"type\":\"nix\"}'",
  ),
  json(
    'JSON with a comma too many',
    '{"type":"nix",}',
    'the configuration is not JSON: Expected double-quoted property name in JSON at position 14 (line 1 column 15) = pass one JSON mapping in single quotes: \'{"type":"nix"}\'',
  ),
  json(
    'JSON with single quotes',
    "{'type':'nix'}",
    'the configuration is not JSON: Expected property name or \'}\' in JSON at position 1 (line 1 column 2) = pass one JSON mapping in single quotes: \'{"type":"nix"}\'',
  ),
  json('a list', '[{"type":"nix"}]', 'the configuration must be one JSON mapping = for example \'{"type":"nix"}\''),
  json('null', 'null', 'the configuration must be one JSON mapping = for example \'{"type":"nix"}\''),
  json('a string', '"nix"', 'the configuration must be one JSON mapping = for example \'{"type":"nix"}\''),
  json('a number', '1', 'the configuration must be one JSON mapping = for example \'{"type":"nix"}\''),
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
    '1:44 the key `persistence` stands twice in one mapping = keep one of them (1:15 the first one is here)',
  ),
  json(
    'an unknown key',
    '{"type":"nix","instaler":"nixos"}',
    '1:15 `instaler` is not a key of the nix module; did you mean `installer`? = its keys are `installer`, `persistence`, `transient-root`, `nix-conf` and `selinux`',
  ),
  json(
    'a wrong value in the second line',
    '{"type":"nix",\n "persistence":"nix"}',
    '2:16 `persistence`: `"nix"` is not absolute = write an absolute path under /var, like `/var/lib/nix`',
  ),
  json(
    'null for a value',
    '{"type":"nix","installer":null}',
    '1:27 `installer` is empty, and must be `determinate`, `nixos`, `native` or a mapping with `provider`, `version`, `url`, `sha256`, `embed` or `args`',
  ),
  json('1 MB', `{"type":"nix","env":{"a":"${'x'.repeat(1024 * 1024)}"}}`, 'the configuration is larger than 1 MiB'),
  json(
    '100 000 opening brackets',
    `{"type":"nix","env":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    '(configuration) is nested too deeply = a recipe has a few levels: is this the right file?',
  ),
  json(
    'half a character',
    '{"type":"nix","installer":{"args":["--proxy=\\ud800"]}}',
    '1:36 `installer.args[0]`: `"--proxy=\\ud800"` holds a line break, another control character or half a character = an argument is one line of text',
  ),
];

export const badInput: Record<string, BadInput[]> = {
  keys,
  wrongTypes,
  wordsTakenForBooleans,
  installer,
  persistence,
  otherValues,
  texts,
  recipes,
  configurations,
};
