/** Takes objects from an iterable that builds them as they are taken: one a turn of the event loop, which they would hold up. */
export function oneATurn<T>(objects: Iterable<T>): () => Promise<IteratorResult<T>> {
  const source = objects[Symbol.iterator]();
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const next = last.then(() => new Promise(setImmediate)).then(() => source.next());
    last = next.catch(() => undefined);
    return next;
  };
}
