import { firstBoot, laterBoot } from '../first-boot.ts';
import { scenario } from '../lab/scenario.ts';
import { installedMachine } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

scenario(
  'first boot installs Nix with no network, and the login prompt does not wait for it',
  async (lab) => {
    await firstBoot(await lab.machine(await nixImage()));
  },
  1200,
);

scenario(
  'the second boot has the same store, and installs nothing',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage());
    await laterBoot(await machine.boot());
  },
  1200,
);
