import { fullDisk, readOnlyPersistence, rebootInTheMiddle } from '../faulty-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { installer, ownTarball } from '../providers.ts';

scenario(
  'native: a disk with too little room, and one that fills up meanwhile: told, and Nix comes once there is room',
  (lab) => fullDisk(lab, ownTarball),
  1800,
);

for (const [name, provider] of Object.entries({ 'nix-installer': installer, native: ownTarball })) {
  scenario(
    `${name}: a persistence directory that cannot be written: told, and the next boot installs`,
    (lab) => readOnlyPersistence(lab, provider),
    1200,
  );

  scenario(
    `${name}: the user reboots in the middle: the next boot starts over`,
    (lab) => rebootInTheMiddle(lab, provider),
    1200,
  );
}
