import { describe } from 'vitest';
import { holdsAsync } from '../support/fuzz.ts';
import { histories, otherPort, playHistory } from '../support/history.ts';
import { startObserver } from '../support/observer.ts';
import { it } from '../support/test.ts';

describe('through any history of real sockets', () => {
  it('both backends list every connected client, and no other', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const stage = { daemon, clients, observe: await startObserver(sandbox) };
    await daemon.listen(otherPort);
    await holdsAsync([histories], (commands) => playHistory(stage, commands), 25);
  });
});
