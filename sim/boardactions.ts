import type { SimAction } from './actions.js';
import type { Boards } from './devices/scanner.js';

type Doing = SimAction['do'];
/** Actions on what lies on the table, on links and on the script player are the bench's own. */
type BenchDoing = 'setPhantom' | 'setHeart' | 'setBreath' | 'muteLink' | 'runFaults' | 'stats';
type BoardDoing = Exclude<Doing, BenchDoing>;
export type BoardAction = Extract<SimAction, { do: BoardDoing }>;

const DOERS: { [D in BoardDoing]: (boards: Boards, action: Extract<SimAction, { do: D }>) => void } = {
  pressEmergencyStop: ({ interlock }) => interlock.pressEmergencyStop(),
  releaseEmergencyStop: ({ interlock }) => interlock.releaseEmergencyStop(),
  openDoor: ({ interlock }) => interlock.openDoor(),
  closeDoor: ({ interlock }) => interlock.closeDoor(),
  setLoad: ({ table }, { kg }) => table.setLoad(kg),
  breakEncoder: ({ table }, { broken }) => table.breakEncoder(broken),
  connectSignal: ({ gating }, { source, connected }) => gating.connect(source, connected),
  arc: ({ generator }) => generator.arc(),
  setAnodeHeat: ({ generator }, { heat }) => generator.setAnodeHeat(heat),
  setDetectorTemperature: ({ ctdetector }, { celsius }) => ctdetector.setTemperature(celsius),
  failBlock: ({ petrings }, { block }) => petrings.failBlock(block),
  repairBlocks: ({ petrings }) => petrings.repairBlocks(),
  setBlockTemperature: ({ petrings }, { block, celsius }) => petrings.setBlockTemperature(block, celsius),
  reboot: (boards, { device }) => boards[device].reboot(),
};

export function actOnBoards(boards: Boards, action: BoardAction): void {
  const doer = DOERS[action.do] as (boards: Boards, action: BoardAction) => void;
  doer(boards, action);
}
