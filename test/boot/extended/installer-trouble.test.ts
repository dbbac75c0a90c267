import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { statusOf } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, nixFaults, waitForNix } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import { embeddingProviders } from '../providers.ts';

const port = 18443;
type Answer = (response: ServerResponse, request: IncomingMessage) => void;

for (const [providerName, { image, download }] of Object.entries(embeddingProviders)) {
  scenario(
    `${providerName}: what is damaged in the image is not used; an update to a whole image installs Nix`,
    async (lab) => {
      const damage = `RUN printf x >> ${download.inImage}`;
      const machine = await lab.machine(await nixImage({ ...(await image()), after: [damage] }));
      let guest = await machine.boot();
      await guest.waitFor('systemctl is-failed nix-install.service', 120);
      expect(await statusOf(guest)).toContain(`The ${download.name} in this image is damaged`);
      expect(await guest.succeed('ls -A /nix/store 2>/dev/null || true')).toBe('');
      await guest.update(await nixImage(await image()));
      guest = await guest.reboot();
      await waitForNix(guest);
      expect(await nixFaults(guest)).toEqual([]);
    },
    1200,
  );

  scenario(
    `${providerName}: downloaded at first boot: no network, a server that fails, lies, stalls and breaks off, then one that works`,
    async (lab) => {
      const key = join(lab.directory, 'key.pem');
      const certificate = join(lab.directory, 'certificate.pem');
      await execa('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
        ...['-keyout', key, '-out', certificate, '-subj', '/CN=boot lab', '-addext', 'subjectAltName=IP:10.0.2.2'],
      ]);
      const authority = (await readFile(certificate)).toString('base64').replaceAll('\n', '');
      const file = await readFile(await download.onHost());
      const answers: Record<'fails' | 'lies' | 'stalls' | 'breaksOff' | 'works', Answer> = {
        fails: (response) => response.writeHead(500).end(),
        lies: (response) => response.end('<html>Please sign in</html>'),
        stalls: (response) => response.writeHead(200, { 'content-length': file.length }).write(file.subarray(0, 1000)),
        // Ignores which part is asked for, as some servers do.
        breaksOff: (response) =>
          response
            .writeHead(200, { 'content-length': file.length })
            .write(file.subarray(0, file.length / 2), () => response.destroy()),
        works: (response, { headers: { range } }) => {
          resumedAt = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
          const contentRange = `bytes ${resumedAt}-${file.length - 1}/${file.length}`;
          response.writeHead(resumedAt ? 206 : 200, resumedAt ? { 'content-range': contentRange } : {});
          response.end(file.subarray(resumedAt));
        },
      };
      let resumedAt = 0;
      let answer = answers.fails;
      const server = createServer(
        { key: await readFile(key), cert: await readFile(certificate) },
        (request, response) => answer(response, request),
      );
      await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
      try {
        const { entry, ...rest } = await image();
        const built = await nixImage({
          ...rest,
          entry: { installer: { ...entry?.installer, embed: false, url: `https://10.0.2.2:${port}/file` } },
          after: [`RUN echo ${authority} | base64 -d >> /etc/ssl/certs/ca-certificates.crt`],
        });
        const machine = await lab.machine(built);
        let guest = await machine.boot();
        await guest.waitFor(`journalctl -b -u nix-install -o cat | grep "Cannot download the ${download.name}"`, 120);
        expect(await statusOf(guest)).toContain('Connect this machine to the network. The download is tried again.');
        expect((await guest.run('test -e /nix/var/bluebuild-nix/installing')).code).toBe(1);

        guest = await guest.reboot({ network: 'host' });
        // Does not wait for the service, which waits longer after each failed attempt.
        const tryAtOnce = () => guest.succeed('systemctl restart --no-block nix-install.service');
        await guest.waitFor('journalctl -b -u nix-install -o cat | grep "curl: exit code 22"', 120);
        answer = answers.lies;
        await guest.waitFor(
          `journalctl -b -u nix-install -o cat | grep "is not the ${download.name} of this image"`,
          240,
        );
        answer = answers.stalls;
        await tryAtOnce();
        await guest.waitFor('journalctl -b -u nix-install -o cat | grep "curl: exit code 28"', 240);
        answer = answers.breaksOff;
        await tryAtOnce();
        await guest.waitFor('journalctl -b -u nix-install -o cat | grep -E "curl: exit code (18|56)"', 120);
        answer = answers.works;
        await waitForNix(guest, 600);
        expect(resumedAt).toBeGreaterThan(1000);
        expect(await buildAndRun(guest, 'downloaded')).toBe('downloaded was built by nix');
        expect(await nixFaults(guest)).toEqual([]);
        expect(await guest.succeed('ls /var/cache/bluebuild-nix')).toBe('');
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
    1800,
  );
}
