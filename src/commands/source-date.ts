import { ImageError } from '../image/image-error.ts';

/** The last second of the year 9999, after which dates have more digits than RFC 3339 gives them. */
const last = 253_402_300_799;

/** SOURCE_DATE_EPOCH in seconds (reproducible-builds.org/specs/source-date-epoch); throws an ImageError for anything else. */
export function sourceDate(environment: NodeJS.ProcessEnv): number | undefined {
  const text = environment['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds <= last) return seconds;
  throw new ImageError('SOURCE_DATE_EPOCH is not a number of seconds', 'unset it, or give seconds since 1970');
}
