import fc from 'fast-check';
import type { Architecture } from '../../src/config/architecture.ts';
import { checkEntry } from '../../src/config/check.ts';
import { installerSettings, type Config } from '../../src/config/config.ts';
import type { RecipeEntry } from '../../src/config/recipe-entry.ts';

const reservedInVar =
  /^\/var\/((adm|cache|db|empty|home|lib|local|log|mail|mnt|opt|roothome|spool|srv|usrlocal)$|(tmp|run|lock)(\/|$))/;

/** Strings that a shell, systemd, YAML, JSON, nix.conf or a terminal could treat as something other than text. */
const hostile = [
  ...['$(id)', '`id`', '${HOME}', '"', "'", '\\', ';', '&', '|', '<', '>', '*', '?', '~', '!', '%n', '%%', '=', ','],
  ...[
    '[Service]',
    'ExecStart=/bin/sh',
    '{',
    '}',
    '- ',
    ': ',
    '::error::x',
    '\\n',
    '\\',
    ' -rf /',
    '<<',
    'ä',
    '❄',
    '雪',
  ],
  ...['true', 'null', '0x1f', '1e3', '1_000', '.inf', '2026-01-01', '@', '--', '\u00a0'],
];

/** One line of text that the schema accepts. */
const line = (separator: string): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'grapheme', maxLength: 5 })), { maxLength: 6 })
    .map((parts) => parts.join(separator).replaceAll(/[\0-\x1f\x7f-\x9f\u2028\u2029]|\p{Surrogate}/gu, ''));

const segment = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._+-]{0,12}$/);
const persistence = fc
  .array(segment, { minLength: 1, maxLength: 5 })
  .map((segments) => `/var/${segments.join('/')}`)
  .filter((path) => !reservedInVar.test(path));
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const version = fc.array(fc.nat(99), { minLength: 2, maxLength: 4 }).map((numbers) => numbers.join('.'));
const url = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9$&'()*+,;=:@!~"\\`|<>^-]{0,20}$/).map((path) => `https://example.org/{arch}/${path}`),
  segment.map((name) => `file:///tmp/files/${name}`),
);
const args = fc.array(line(' '), { maxLength: 4 }).map((texts) => texts.map((text) => `--proxy=${text}`));

const installer = fc.oneof(
  fc.constantFrom('determinate' as const, 'nixos' as const, 'native' as const, 'system' as const),
  fc.record({ provider: fc.constant('system' as const) }),
  fc.record({ provider: fc.constant('native' as const), version, sha256: digest, embed: fc.boolean() }),
  fc.record(
    { provider: fc.constantFrom('determinate' as const, 'nixos' as const), embed: fc.boolean(), args },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      provider: fc.constantFrom('determinate' as const, 'nixos' as const),
      version,
      url,
      sha256: fc.oneof(digest, fc.record({ x86_64: digest, aarch64: digest })),
      args,
    },
    { requiredKeys: ['url', 'sha256'] },
  ),
);

const text = line(' ').map((value) => value.replaceAll('#', '').trim());
const item = line('').map((value) => value.replaceAll(/[#\s]/g, '') || 'x');
const nixConf = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){0,2}$/).filter((name) => name !== 'include'),
  fc.oneof(text, fc.integer(), fc.boolean(), fc.array(fc.oneof(item, fc.integer()), { maxLength: 4 })),
  { maxKeys: 5 },
);

const maintenance = fc.oneof(
  fc.constantFrom('off' as const, 'on' as const),
  fc.record(
    {
      schedule: fc.constantFrom('daily' as const, 'weekly' as const, 'monthly' as const),
      'older-than': fc.stringMatching(/^[1-9][0-9]{0,3}d$/),
      optimise: fc.boolean(),
      verify: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
);

/** Valid recipe entries. */
export const validEntry: fc.Arbitrary<RecipeEntry> = fc
  .record(
    {
      type: fc.constantFrom('nix' as const, 'nix@v1' as const, 'nix@latest' as const),
      installer: installer,
      persistence,
      'transient-root': fc.constantFrom('karg' as const, 'off' as const),
      'nix-conf': nixConf,
      selinux: fc.constantFrom('auto', 'on', 'off'),
      telemetry: fc.constantFrom('off', 'determinate-systems'),
      maintenance,
    },
    { requiredKeys: ['type'] },
  )
  // Only Determinate's programs send telemetry.
  .map((entry): RecipeEntry => {
    const { provider = 'determinate' } = installerSettings(entry) as { provider?: string };
    return provider === 'determinate' ? entry : { ...entry, telemetry: 'off' };
  });

/** The configuration of an entry; throws if the entry is not valid. */
export function configurationOf(entry: RecipeEntry, architecture: Architecture = 'x86_64'): Config {
  const value = entry as unknown as Record<string, unknown>;
  const config = checkEntry({ value, stage: undefined, placeOf: () => undefined }, architecture);
  if (Array.isArray(config)) throw new Error(`not valid: ${JSON.stringify({ entry, config }, null, 2)}`);
  return config;
}
