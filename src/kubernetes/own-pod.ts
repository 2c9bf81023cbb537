/** What the program loads where it is asked to use the API server, and only there. */
export { openPodApi } from './api.ts';
export { openPodMarks } from './mark-pod.ts';
export { readPodDeadline } from './pod-deadline.ts';
