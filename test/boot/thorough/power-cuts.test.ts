import { scenario } from '../lab/scenario.ts';
import { beforeInstallation, cutAndRecover, moments } from '../interrupted-installation.ts';

scenario(
  `the power is cut at ${Object.keys(moments).length} moments of the installation: the next boot repairs each`,
  async (lab) => {
    const { machine, state } = await beforeInstallation(lab);
    for (const [moment, condition] of Object.entries(moments)) {
      await cutAndRecover(machine, state, condition).catch((error: unknown) => {
        throw new Error(`after a power cut ${moment}: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        });
      });
    }
  },
  3600,
);
