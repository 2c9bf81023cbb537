import { existsSync, readFileSync } from 'node:fs';
import type { Environment } from '../options/read.ts';

// No variable is set in every pod: static pods have none. So files tell where the program runs.

type Signs = Readonly<Record<string, () => boolean>>;

// The first line that the kubelet writes, also for pods with hostNetwork.
const managedByKubelet = /^# Kubernetes-managed hosts file/;
const otherGroups = /docker|containerd|libpod|crio/;
// Container runtimes mount these; nothing else mounts more than one of them.
const mountedFiles = /^(?:\S+ ){4}(\/etc\/(?:hosts|hostname|resolv\.conf)) /gm;

function signsOfPod(env: Environment): Signs {
  return {
    'KUBERNETES_SERVICE_HOST is set': () => Boolean(env['KUBERNETES_SERVICE_HOST']),
    'the kubelet has written /etc/hosts': () => managedByKubelet.test(textOf('/etc/hosts')),
    '/var/run/secrets/kubernetes.io is there': () => existsSync('/var/run/secrets/kubernetes.io'),
    '/proc/self/cgroup names a pod': () => textOf('/proc/self/cgroup').includes('kubepods'),
  };
}

const signsOfContainer: Signs = {
  '/run/.containerenv is there': () => existsSync('/run/.containerenv'),
  '/proc/self/cgroup names a container': () => otherGroups.test(textOf('/proc/self/cgroup')),
  'files of /etc are mounted one by one': () => {
    const mounts = textOf('/proc/self/mountinfo').matchAll(mountedFiles);
    return new Set([...mounts].map(([, file]) => file)).size > 1;
  },
};

/** What shows that this is a Kubernetes pod. */
export function podSigns(env: Environment): readonly string[] {
  return present(signsOfPod(env));
}

/** What shows that this is a container of another kind. */
export function containerSigns(): readonly string[] {
  return present(signsOfContainer);
}

export function isInPod(env: Environment): boolean {
  return Object.values(signsOfPod(env)).some((isThere) => isThere());
}

/** Whether this is a container, that of a pod included. */
export function isInContainer(env: Environment): boolean {
  return isInPod(env) || Object.values(signsOfContainer).some((isThere) => isThere());
}

function present(signs: Signs): string[] {
  return Object.entries(signs).flatMap(([sign, isThere]) => (isThere() ? [sign] : []));
}

const texts = new Map<string, string>();

/** Read once, since a start asks several times; empty if it can't be read. */
function textOf(path: string): string {
  const text = texts.get(path) ?? readOr('', path);
  texts.set(path, text);
  return text;
}

function readOr(otherwise: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
