/**
 * Over TCP always, and over real hardware when `HIL_PORTS` says where it is (`serial:DIR` or `tcp:HOST:PORT`).
 * The table, the gantry and the beam will move: see that nobody is near.
 */
import { suite } from 'uvu';
import { conformOutside, conformOver } from './suite.js';

conformOver('tcp');

const endpoint = process.env.HIL_PORTS;
if (endpoint) conformOutside(endpoint);
else {
  const test = suite('hardware outside');
  test.skip('HIL_PORTS is not set', () => undefined);
  test.run();
}
