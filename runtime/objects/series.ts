import { newUid, type ObjectContext, type SeriesIdentity, summaryOf } from './context.js';
import type { Scope } from './fill.js';
import type { BuiltObject, SeriesSummary } from './instance.js';

/** A series to be stored: its summary at once, its objects one by one as they are asked for, so that memory holds only few. */
export interface SeriesObjects {
  summary: SeriesSummary;
  objects: Iterable<BuiltObject>;
}

/** Where an object stands in its series, and the elements that say so. */
export interface Place {
  index: number;
  scope: Scope;
}

/** Gives out series and instance UIDs and numbers; `build` makes the object at a place. */
export function seriesOf(
  context: ObjectContext,
  series: { modality: string; sopClassUid: string; description: string; count: number },
  identity: SeriesIdentity,
  build: (place: Place) => BuiltObject,
): SeriesObjects {
  const { sopClassUid, description, modality, count } = series;
  const seriesInstanceUid = identity.seriesInstanceUid ?? newUid(context);
  const instances = Array.from({ length: count }, (_, index) => ({
    sopClassUid,
    sopInstanceUid: identity.sopInstanceUids?.[index] ?? newUid(context),
  }));
  return {
    summary: summaryOf(context, { seriesInstanceUid, modality, description, sopClassUid, instances }),
    objects: {
      *[Symbol.iterator]() {
        for (const [index, { sopInstanceUid }] of instances.entries()) {
          yield build({ index, scope: { seriesInstanceUid, sopInstanceUid, instanceNumber: index + 1 } });
        }
      },
    },
  };
}
