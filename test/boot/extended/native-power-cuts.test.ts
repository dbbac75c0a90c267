import { cutPowerAndRecover } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { ownTarball } from '../providers.ts';

scenario(
  'native: the power is cut at six moments of the installation: the next boot repairs each',
  (lab) => cutPowerAndRecover(lab, ownTarball, ownTarball.moments),
  2000,
);
