import { expect } from 'vitest';
import { tcp, unix } from '../support/actors.ts';
import { askDaemon } from '../support/records.ts';
import type { Scenes } from '../support/scenes.ts';

// status.CANCELLED of gRPC.
const canceled = 1;
const answered = { code: 0, details: '' };

/** What a daemon says of itself and its builds, before, during and after one. */
export const answers: Scenes = {
  'a daemon names the builds that run, and those that ran': async (stage) => {
    const daemon = await stage.startDaemon();
    const { sandbox } = stage;
    const fresh = await askDaemon(sandbox, unix);
    expect(fresh.info).toMatchObject({ code: 0, package: 'github.com/moby/buildkit' });
    expect(fresh.info.version).toMatch(/^v\d+\.\d+\.\d+/);
    expect(fresh.history).toEqual({ ...answered, events: [] });

    const sinceMs = Date.now();
    const done = await stage.build(daemon, tcp, { seconds: 2 });
    const killed = await stage.build(daemon, unix, { seconds: 30 });
    const running = { type: 'STARTED', completedMs: null, errorCode: null };
    const { history } = await askDaemon(sandbox, unix, 'active-only');
    expect(history).toMatchObject({
      ...answered,
      events: stage.isBelieved() ? [running, running] : [],
    });
    await done.ended;
    await killed.process.signal('SIGKILL');
    const { events } = await stage.untilRecorded(daemon, 2);
    expect(events.map(({ type }) => type)).toEqual(['COMPLETE', 'COMPLETE']);
    expect(events.map(({ errorCode }) => errorCode).sort()).toEqual([canceled, null]);
    for (const { createdMs, completedMs } of events) {
      expect(createdMs).toBeGreaterThanOrEqual(sinceMs - 1000);
      expect(completedMs).toBeGreaterThan(createdMs);
      expect(completedMs).toBeLessThanOrEqual(Date.now());
    }
    expect((await askDaemon(sandbox, unix, 'active-only')).history.events).toEqual([]);
  },
};
