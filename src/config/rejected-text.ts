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
  if (first === 'maintenance') {
    return { message: `${quote(value)} is not a number of days`, help: 'write it like `30d`' };
  }
  if (first !== 'installer') return undefined;
  if (second === 'sha256') return rejectedDigest(value);
  if (second === 'url') return rejectedUrl(value);
  if (second === 'version') {
    return { message: `${quote(value)} is not a version`, help: 'use a version number like `3.21.9`, without a `v`' };
  }
  if (second === 'args') {
    return value === ''
      ? { message: 'is empty', help: 'remove it' }
      : {
          message: `${quote(value)} contains ${notText}`,
          help: 'an argument is one line of text',
        };
  }
  return undefined;
}

function rejectedPersistence(value: string): Reason {
  const help = 'use an absolute path under /var, like `/var/lib/nix`';
  if (value === '') return { message: 'is empty', help };
  if (!value.startsWith('/')) return { message: `${quote(value)} is not absolute`, help };
  const segments = value.split('/').slice(1);
  if (segments.includes('..') || segments.includes('.')) {
    return { message: `${quote(value)} contains \`.\` or \`..\``, help: 'write the path without them' };
  }
  if (segments[0] !== 'var') {
    return { message: `${quote(value)} is not under /var: only /var survives an image update`, help };
  }
  if (segments.length === 1 || (segments.length === 2 && segments[1] === '')) {
    return { message: `${quote(value)} is /var itself: all of it would appear in /nix`, help };
  }
  if (segments.includes(''))
    return {
      message: `${quote(value)} has a double or trailing slash`,
      help: 'use single slashes, and none at the end',
    };
  const [strange] = /[^A-Za-z0-9._+/-]/u.exec(value) ?? [];
  if (strange !== undefined) {
    const why = whyStrange(strange);
    return { message: `${quote(value)} contains ${why}`, help: 'use letters, digits and `.`, `_`, `+`, `-`' };
  }
  return { message: `${quote(value)} contains a name that starts with \`.\`, \`+\` or \`-\``, help };
}

function whyStrange(character: string): string {
  if (character === ' ') return 'a space';
  if (character === '%') return '`%`, which systemd treats as a specifier';
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
  return { message: 'contains upper-case digits', help };
}

function rejectedUrl(value: string): Reason {
  const help = 'use `https://…`, or `file:///tmp/files/…` for a file in `files/` of the project';
  if (/^http:/i.test(value)) return { message: `${quote(value)} is not encrypted`, help };
  if (/^https:\/\/|^file:\/\/\//.test(value)) {
    return { message: `${quote(value)} contains a character that is not allowed in a URL`, help: 'percent-encode it' };
  }
  return { message: `${quote(value)} is not a supported URL`, help };
}

function rejectedNixConf(value: string): Reason {
  const help = 'write a single line; use a list for several values';
  if (value.includes('#')) {
    return {
      message: `${quote(value)} contains \`#\`, which starts a comment in nix.conf`,
      help: 'remove the comment',
    };
  }
  return { message: `${quote(value)} contains ${notText}`, help };
}

const notText = 'a line break, another control character or an unpaired surrogate';

function quote(value: string): string {
  const text = JSON.stringify(value);
  return `\`${text.length > 80 ? `${text.slice(0, 79)}…` : text}\``;
}
