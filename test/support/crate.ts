import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** Downloads a crate and its dependencies; gives its source folder in cargo's cache, which must not be changed. */
export async function crateSource(name: string, version: string, temporary: string): Promise<string> {
  // cargo downloads a crate and says where it is only for a package that depends on the crate.
  await mkdir(join(temporary, 'src'), { recursive: true });
  await writeFile(join(temporary, 'src/lib.rs'), '');
  const manifest = `[package]\nname = "dependent"\nedition = "2021"\n[dependencies]\n${name} = "=${version}"\n`;
  await writeFile(join(temporary, 'Cargo.toml'), manifest);
  const { stdout } = await execa('cargo', ['metadata', '--format-version', '1'], { cwd: temporary });
  const { packages } = JSON.parse(stdout) as { packages: { name: string; manifest_path: string }[] };
  const found = packages.find((one) => one.name === name);
  if (!found) throw new Error(`cargo does not say where it put ${name}`);
  return dirname(found.manifest_path);
}
