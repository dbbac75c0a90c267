import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached, cacheRoot, keyOf } from './cache.ts';

const source = join(import.meta.dirname, 'telemetry-client');

/**
 * A program that sends telemetry with Determinate's own client, as its installer does; built by cargo in 90 seconds.
 */
export const telemetryClient = async (): Promise<string> => {
  const sources = await Promise.all(
    ['Cargo.toml', 'Cargo.lock', 'src/main.rs'].map((file) => readFile(join(source, file), 'utf8')),
  );
  const directory = await cached('telemetry-client', keyOf(...sources), async (partial) => {
    const target = join(cacheRoot, 'cargo-target');
    await execa('nice', [
      ...['-n', '5', 'cargo', 'install', '--locked', '--no-track', '--path', source],
      ...['--root', partial, '--target-dir', target],
    ]);
  });
  return join(directory, 'bin', 'telemetry-client');
};
