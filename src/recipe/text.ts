import { type Diagnostic, error } from '../diagnostic/diagnostic.ts';

/** No recipe is near this size, in bytes; what is larger is a mistake or an attack. */
export const largestText = 1024 * 1024;

/** The diagnostic for a text that is larger than `largestText`. */
export function tooLarge(file: string): Diagnostic {
  return error(`${file} is larger than 1 MiB`, undefined, 'a recipe is a few kilobytes: is this the right file?');
}

/** The printable characters of YAML 1.2 (5.1) are tab, line breaks, and everything from the space on but DEL and C1. */
export const controlCharacter = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/g;
