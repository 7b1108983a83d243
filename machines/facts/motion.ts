import { combineLatest, distinctUntilChanged, filter, map, merge, type Observable, skip, startWith } from 'rxjs';
import type { Gantry, GantryState } from '../../hal/contract/gantry.js';
import type { Table, TableEvent } from '../../hal/contract/table.js';
import type { MotionEvent } from '../motion.js';

const ROTATING: readonly GantryState['rotation'][] = ['spinningUp', 'atSpeed', 'spinningDown'];

/** Positions and speeds of gantry and table, reduced to the beginnings and ends of motion. */
export function motionFacts(
  gantry: Pick<Gantry, 'state$'>,
  table: Pick<Table, 'state$' | 'events$'>,
): Observable<MotionEvent> {
  const moving$ = combineLatest([gantry.state$, table.state$]).pipe(
    map(([g, t]) => t.moving || g.tilting || g.rotation === 'parking'),
  );
  const rotating$ = gantry.state$.pipe(map((g) => ROTATING.includes(g.rotation)));
  return merge(
    changes(rotating$).pipe(map((on): MotionEvent => ({ type: on ? 'ROTATION_STARTED' : 'ROTATION_STOPPED' }))),
    changes(moving$).pipe(map((on): MotionEvent => ({ type: on ? 'MOVE_STARTED' : 'MOVE_ENDED' }))),
    table.events$.pipe(
      map(tableFact),
      filter((fact) => fact !== undefined),
    ),
  );
}

function tableFact(event: TableEvent): MotionEvent | undefined {
  if (event.type === 'feedStarted') return { type: 'FEED_STARTED' };
  if (event.type === 'feedEnded') return { type: 'FEED_ENDED' };
  if (event.type === 'halted') return { type: 'HALTED', reason: event.reason };
  return undefined;
}

/** Changes of a flag which counts as false before it was heard of. */
function changes(flag$: Observable<boolean>): Observable<boolean> {
  return flag$.pipe(startWith(false), distinctUntilChanged(), skip(1));
}
