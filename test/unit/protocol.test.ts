import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { loadProtocol, type ProtocolDefinition, protocolNames } from '../../runtime/protocol/definition.js';
import { ctdiVol, dlp } from '../../runtime/protocol/dose.js';
import { bedCentres, feedPlan, tableForPet } from '../../runtime/protocol/geometry.js';
import type { CtRange } from '../../runtime/protocol/plan.js';
import { planScan } from '../../runtime/protocol/planner.js';

const test = suite('protocol');
const options = { landmarkMm: 800 };

function refusal(act: () => unknown): ScannerError {
  try {
    act();
  } catch (error) {
    return error as ScannerError;
  }
  throw new Error('nothing was refused');
}

/** The whole-body protocol with its CT range changed. */
function withCt(change: Partial<CtRange>): ProtocolDefinition {
  const protocol = structuredClone(loadProtocol('wholebody-fdg'));
  Object.assign(protocol.ranges[1]!, change);
  return protocol;
}

test('the catalogue holds the protocols of a PET/CT and each keeps every limit', () => {
  const names = protocolNames();
  for (const name of ['topogram', 'ct-lowdose', 'ct-head', 'ct-thorax', 'ct-abdomen', 'wholebody-fdg', 'brain-fdg']) {
    assert.ok(names.includes(name), name);
  }
  for (const name of ['cardiac-gated', 'respiratory-gated', 'dynamic', 'qc-daily'])
    assert.ok(names.includes(name), name);
  for (const name of names) assert.ok(planScan(loadProtocol(name), options).ranges.length > 0, name);
});

test('a plan that breaks a limit is refused and the limit is named', () => {
  const cases: [Partial<CtRange>, RegExp][] = [
    [{ kv: 110 }, /tube voltage 110 kV is outside/],
    [{ ma: 700 }, /tube current 700 mA is outside 20 to 666 mA/],
    [{ kv: 140, ma: 600 }, /tube power 84 kW is outside 0 to 80 kW/],
    [{ pitch: 1.6 }, /pitch 1.6 {2}is outside 0.3 to 1.5/],
    [{ rotationTime: 0.4 }, /rotation time 0.4 s/],
    [{ rows: 48 }, /collimation 57.6 mm/],
    [{ toZ: 900 }, /table (start|end) -?[\d.]+ mm is outside 0 to 2000 mm/],
  ];
  for (const [change, expected] of cases) {
    const error = refusal(() => planScan(withCt(change), options));
    assert.is(error.code, 'limit.range');
    assert.match(error.message, expected);
  }
});

test('heat over the anode limit is refused with the limit in heat units', () => {
  const error = refusal(() => planScan(loadProtocol('wholebody-fdg'), { landmarkMm: 800, anodeHeat: 4_950_000 }));
  assert.is(error.code, 'limit.heat');
  assert.match(error.message, /limit 5000000 HU/);
});

test('a spiral radiates what its end slices need and the ramps lie outside the window', () => {
  const range = planScan(loadProtocol('ct-lowdose'), options).ranges[1] as CtRange;
  const feed = feedPlan(range, 800);
  assert.ok(Math.abs(feed.speed - (0.8 * 19.2) / 0.5) < 1e-9);
  assert.ok(800 - feed.windowStart > range.toZ + 9.6, 'half a collimation above the head end');
  assert.ok(800 - feed.windowEnd < range.fromZ - 9.6);
  assert.ok(feed.start < feed.windowStart && feed.stop > feed.windowEnd);
  assert.ok(Math.abs(feed.seconds * feed.speed - (feed.windowEnd - feed.windowStart)) < 1e-9);
});

test('beds cover the span with even overlap', () => {
  const centres = bedCentres(-175, 175);
  assert.is(centres.length, 2);
  assert.ok(Math.abs(centres[1]! - centres[0]! - 66 * 2.027) < 1e-9);
  assert.ok(centres[1]! + 110.5 > 175 && centres[0]! - 110.5 < -175);
  assert.equal(bedCentres(-100, 100), [0]);
  assert.is(tableForPet(0, 800), 1600);
});

test('dose follows CTDIw, current and pitch', () => {
  assert.ok(Math.abs(ctdiVol('BODY', 120, 100, 1) - 6.75) < 1e-9);
  assert.ok(Math.abs(ctdiVol('HEAD', 120, 50, 0.5) - 15.3) < 1e-9);
  assert.ok(Math.abs(dlp(10, 250) - 250) < 1e-9);
});

test('a wrong file is refused with the place in it', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'petrig-')), 'p.json');
  const protocol = structuredClone(loadProtocol('topogram')) as { ranges: Record<string, unknown>[] };
  protocol.ranges[0]!.kv = 'many';
  writeFileSync(file, JSON.stringify(protocol));
  const error = refusal(() => loadProtocol(file));
  assert.is(error.code, 'config.invalid');
  assert.match(error.message, /ranges\.0\.kv/);
  assert.is(refusal(() => loadProtocol('nonsense')).code, 'operator.unknown');
  assert.is(
    refusal(() => planScan(loadProtocol('topogram'), { landmarkMm: 800, span: { fromZ: 5, toZ: 1 } })).code,
    'operator.usage',
  );
});

test.run();
