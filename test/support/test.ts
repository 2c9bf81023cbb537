import { test } from 'vitest';
import { type Actor, startClients, startDaemon } from './actor.ts';
import { openPlace, type Place } from './place.ts';

/** A test that may ask for a place of its own, for a daemon and clients there, for further places. */
export const it = test.extend<{
  openPlace: typeof openPlace;
  place: Place;
  daemon: Actor;
  clients: Actor;
}>({
  openPlace: async ({ task: _ }, use) => {
    const places: Place[] = [];
    await use(async (options) => {
      const place = await openPlace(options);
      places.push(place);
      return place;
    });
    await Promise.all(places.map((place) => place.close()));
  },
  place: async ({ openPlace }, use) => {
    await use(await openPlace());
  },
  daemon: async ({ place }, use) => {
    await use(await startDaemon(place));
  },
  clients: async ({ place }, use) => {
    await use(await startClients(place));
  },
});
