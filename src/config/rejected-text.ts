import type { Path } from '../recipe/document.ts';

/** Why a text is not allowed, and what to write instead. */
export type Reason = { message: string; help: string };

/**
 * Why a string does not match the pattern that the schema has for the value at `path`; undefined where the schema has
 * none. The pattern decides, this only finds the words.
 */
export function whyNotAllowed(path: Path, value: string): Reason | undefined {
  const [first, second] = path;
  if (first === 'persistence') return rejectedPersistence(value);
  if (first === 'nix-conf') return rejectedNixConf(value);
  if (first !== 'installer') return undefined;
  if (second === 'sha256') return rejectedDigest(value);
  if (second === 'url') return rejectedUrl(value);
  if (second === 'version') {
    return { message: `${quote(value)} is not a version`, help: 'write a release like `3.21.9`, without a `v`' };
  }
  if (second === 'args') {
    return value === ''
      ? { message: 'is empty', help: 'leave it out' }
      : {
          message: `${quote(value)} holds ${notText}`,
          help: 'an argument is one line of text',
        };
  }
  return undefined;
}

function rejectedPersistence(value: string): Reason {
  const help = 'write an absolute path under /var, like `/var/lib/nix`';
  if (value === '') return { message: 'is empty', help };
  if (!value.startsWith('/')) return { message: `${quote(value)} is not absolute`, help };
  const segments = value.split('/').slice(1);
  if (segments.includes('..') || segments.includes('.')) {
    return { message: `${quote(value)} has \`.\` or \`..\` in it`, help: 'write the path itself' };
  }
  if (segments[0] !== 'var') {
    return { message: `${quote(value)} is not under /var, and only /var outlives an update of the image`, help };
  }
  if (segments.length === 1 || (segments.length === 2 && segments[1] === '')) {
    return { message: `${quote(value)} is /var itself, which would become /nix whole`, help };
  }
  if (segments.includes(''))
    return { message: `${quote(value)} has an empty name in it`, help: 'write single slashes' };
  const [strange] = /[^A-Za-z0-9._+/-]/u.exec(value) ?? [];
  if (strange !== undefined) {
    const why = whyStrange(strange);
    return { message: `${quote(value)} has ${why} in it`, help: 'use letters, digits and `.`, `_`, `+`, `-`' };
  }
  return { message: `${quote(value)} has a name that begins with \`.\`, \`+\` or \`-\``, help };
}

function whyStrange(character: string): string {
  if (character === ' ') return 'a space';
  if (character === '%') return '`%`, which systemd would take for a specifier,';
  if (character === '`') return 'a backtick';
  if (character === '\n' || character === '\r') return 'a line break';
  const point = character.codePointAt(0) ?? 0;
  return isControl(point) ? 'a control character' : `\`${character}\``;
}

function isControl(point: number): boolean {
  return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

function rejectedDigest(value: string): Reason {
  const help = 'a SHA-256 is 64 lower-case hexadecimal digits; `sha256sum FILE` prints it';
  if (value.startsWith('sha256:') || value.startsWith('sha256-')) {
    return { message: `${quote(value)} has a prefix`, help };
  }
  if (!/^[0-9a-fA-F]*$/.test(value)) return { message: `${quote(value)} is not hexadecimal`, help };
  if (value.length !== 64) return { message: `has ${value.length} digits instead of 64`, help };
  return { message: 'has upper-case digits', help };
}

function rejectedUrl(value: string): Reason {
  const help = 'write `https://…`, or `file:///tmp/files/…` for a file in the `files/` of the project';
  if (/^http:/i.test(value)) return { message: `${quote(value)} is not encrypted`, help };
  if (/^https:\/\/|^file:\/\/\//.test(value)) {
    return { message: `${quote(value)} has a character that a url cannot hold`, help: 'write it percent-encoded' };
  }
  return { message: `${quote(value)} is not a url this module can fetch`, help };
}

function rejectedNixConf(value: string): Reason {
  const help = 'write one line; for several values write a list';
  if (value.includes('#')) {
    return {
      message: `${quote(value)} holds \`#\`, which begins a comment in nix.conf`,
      help: 'leave the comment out',
    };
  }
  return { message: `${quote(value)} holds ${notText}`, help };
}

const notText = 'a line break, another control character or half a character';

function quote(value: string): string {
  const text = JSON.stringify(value);
  return `\`${text.length > 80 ? `${text.slice(0, 79)}…` : text}\``;
}
