import { type Dataset, texts } from '../dataset/dataset.js';
import type { Reply } from '../dimse/performer.js';
import { isRefusal, readLevel, readPath, refuse } from './query-scp-identifier.js';
import { type QueryLevel, type QueryModel, uniqueKey } from './query-scp-model.js';

/** What a C-MOVE or C-GET asks for: the unique key of each level down to its own, where there may be several UIDs. */
export interface RetrievePath {
  model: QueryModel;
  level: QueryLevel;
  keys: Readonly<Partial<Record<QueryLevel, readonly string[]>>>;
}

/** Checks a C-MOVE or C-GET identifier: all unique keys down to the level, no wild cards. Other keys mean nothing there: PS3.4 C.4.2.1.4. */
export function readRetrieve(model: QueryModel, identifier: Dataset): RetrievePath | Reply {
  const level = readLevel(model, identifier);
  if (typeof level !== 'string') return level;
  const path = readPath(model, level, identifier);
  if (isRefusal(path)) return path;
  const keys: Partial<Record<QueryLevel, readonly string[]>> = {};
  for (const { attribute, values } of path) if (attribute.level) keys[attribute.level] = values;
  const { keyword, tag, vr } = uniqueKey(level);
  const values = texts(identifier, keyword).filter((value) => value !== '');
  if (values.length === 0) return refuse(tag, `${keyword} is needed at ${level} level`);
  if (vr !== 'UI' && values.length > 1) return refuse(tag, `${keyword} must have a single value`);
  const wrong = vr === 'UI' ? values.find((value) => !/^[\d.]{1,64}$/.test(value)) : undefined;
  if (wrong !== undefined) return refuse(tag, `'${wrong.slice(0, 20)}' in ${keyword} is no UID`);
  keys[level] = values;
  return { model, level, keys };
}
