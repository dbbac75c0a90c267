import type { Colors } from '../diagnostic/colors.ts';
import { printable } from '../diagnostic/format.ts';
import { withoutSecrets } from './error.ts';

/** What happens to one download. `bytes` counts from the beginning of the file. */
export type Progress =
  | { kind: 'start'; name: string; url: string }
  | { kind: 'received'; name: string; bytes: number; total: number | undefined }
  | { kind: 'note'; name: string; text: string }
  | { kind: 'done'; name: string; bytes: number; fromCache: boolean }
  | { kind: 'failed'; name: string };

export type ProgressSink = (progress: Progress) => void;

export type ProgressOptions = {
  write: (text: string) => void;
  colors: Colors;
  /** Milliseconds that only go forward. */
  now?: () => number;
};

const redrawMilliseconds = 100;

/** For a terminal: one line, drawn again in place. `columns` is asked each time, because windows change. */
export function terminalProgress(options: ProgressOptions & { columns: () => number }): ProgressSink {
  const { write, colors, columns, now = () => performance.now() } = options;
  let startedAt = now();
  let drawnAt = -Infinity;
  return (progress) => {
    if (progress.kind === 'start') startedAt = now();
    if (progress.kind === 'received') {
      if (now() - drawnAt < redrawMilliseconds) return;
      drawnAt = now();
      const { bytes, total } = progress;
      const rate = `${(bytes / 1000 / Math.max(1, now() - startedAt)).toFixed(1)} MB/s`;
      const parts = [progress.name, ...(total ? [percent(bytes, total)] : []), megabytes(bytes, total), rate];
      write(`\r${parts.join('  ').slice(0, columns() - 1)}\x1b[K`);
      return;
    }
    write('\r\x1b[K');
    if (progress.kind === 'start') write(`${progress.name}: connecting`.slice(0, columns() - 1));
    if (progress.kind === 'note') write(`${colors.yellow(noteLine(progress))}\n`);
    if (progress.kind === 'done') write(`${colors.green(doneLine(progress, now() - startedAt))}\n`);
  };
}

/** For a log: a line at the start, at every quarter, and at the end. */
export function logProgress({ write, colors, now = () => performance.now() }: ProgressOptions): ProgressSink {
  let startedAt = now();
  let quarter = 0;
  return (progress) => {
    if (progress.kind === 'start') {
      startedAt = now();
      quarter = 0;
      write(`${progress.name}: downloading ${withoutSecrets(progress.url)}\n`);
    }
    if (progress.kind === 'received' && progress.total) {
      const reached = Math.floor((4 * progress.bytes) / progress.total);
      if (reached <= quarter || reached === 4) return;
      quarter = reached;
      write(
        `${progress.name}: ${percent(progress.bytes, progress.total)}, ${megabytes(progress.bytes, progress.total)}\n`,
      );
    }
    if (progress.kind === 'note') write(`${colors.yellow(noteLine(progress))}\n`);
    if (progress.kind === 'done') write(`${colors.green(doneLine(progress, now() - startedAt))}\n`);
  };
}

const percent = (bytes: number, total: number): string => `${Math.floor((100 * bytes) / total)} %`;

const megabytes = (bytes: number, total?: number): string =>
  total ? `${(bytes / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB` : `${(bytes / 1e6).toFixed(1)} MB`;

const noteLine = ({ name, text }: Extract<Progress, { kind: 'note' }>): string => `${name}: ${printable(text)}`;

function doneLine({ name, bytes, fromCache }: Extract<Progress, { kind: 'done' }>, took: number): string {
  const how = fromCache ? 'from the cache' : `in ${(took / 1000).toFixed(1)} s`;
  return `${name}: ${megabytes(bytes)} ${how}, digest verified`;
}
