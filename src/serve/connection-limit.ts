/** A connection to the server. */
export interface Guest {
  /** The address that it comes from, without the port. */
  readonly peerAddress: string;
  /** Whether its request has not come yet. */
  readonly owesRequest: boolean;
}

/**
 * Who is to go when there are too many, of guests in the order of their arrival, the latest included:
 * one of the address that has the most. Of those the one that has owed its request for the longest; and where
 * none owes any, the latest: who is being served is not cut off for who comes after.
 *
 * So a flood from some addresses costs those addresses their connections, and not the kubelet its own.
 */
export function whoGoes<Each extends Guest>(guests: readonly Each[]): Each | undefined {
  const counts = new Map<string, number>();
  for (const { peerAddress } of guests) {
    counts.set(peerAddress, (counts.get(peerAddress) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  const crowd = guests.filter(({ peerAddress }) => counts.get(peerAddress) === most);
  return crowd.find(({ owesRequest }) => owesRequest) ?? crowd.at(-1);
}
