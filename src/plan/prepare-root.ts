import { isUtf8 } from 'node:buffer';

/** What ostree's prepare-root.conf says of what a transient root depends on. */
export type PrepareRoot = {
  composefs: 'on' | 'off' | 'maybe';
  transientReadOnly: boolean;
};

/**
 * Reads prepare-root.conf as ostree does (GKeyFile: no comments behind a value, groups of one name are one, the last
 * value counts; otcore-prepare-root.c). Throws an `Error` with what is wrong where ostree would refuse to boot.
 */
export function parsePrepareRoot(content: Buffer): PrepareRoot {
  if (!isUtf8(content)) throw new Error('it is not UTF-8');
  const values = new Map<string, string>();
  let group: string | undefined;
  for (const [index, line] of content.toString('utf8').split('\n').entries()) {
    const text = line.trim();
    const header = /^\[([^[\]]+)\]$/.exec(text);
    const pair = /^([^=\s][^=]*?)\s*=\s*(.*)$/.exec(text);
    if (text === '' || text.startsWith('#')) continue;
    if (header) group = header[1];
    else if (pair && group !== undefined) values.set(`${group}.${pair[1]}`, pair[2] ?? '');
    else throw new Error(`line ${index + 1} is ${group === undefined ? 'in no [group]' : 'no `key = value`'}: ${text}`);
  }
  const enabled = values.get('composefs.enabled') ?? 'no';
  const composefs = composefsStates.get(enabled);
  if (!composefs) throw new Error(`\`[composefs] enabled\` cannot be \`${enabled}\``);
  boolean(values, 'transient');
  return { composefs, transientReadOnly: boolean(values, 'transient-ro') };
}

const composefsStates = new Map<string, PrepareRoot['composefs']>([
  ...['yes', 'true', '1', 'signed', 'verity'].map((value) => [value, 'on'] as const),
  ...['no', 'false', '0'].map((value) => [value, 'off'] as const),
  ['maybe', 'maybe'],
]);

function boolean(values: ReadonlyMap<string, string>, key: string): boolean {
  const value = values.get(`root.${key}`) ?? 'false';
  if (!['true', '1', 'false', '0'].includes(value)) throw new Error(`\`[root] ${key}\` cannot be \`${value}\``);
  return value === 'true' || value === '1';
}
