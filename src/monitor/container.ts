import { existsSync, readFileSync } from 'node:fs';
import type { Environment } from '../options/read.ts';

// Where the program runs is told by what is there: no variable is set in all pods, static ones have none.

// The first line that the kubelet writes, also for pods with hostNetwork.
const managedByKubelet = /^# Kubernetes-managed hosts file/;
const otherGroups = /docker|containerd|libpod|crio/;
// Container runtimes mount these, and nobody else mounts more than one.
const mountedFiles = /^(?:\S+ ){4}(\/etc\/(?:hosts|hostname|resolv\.conf)) /gm;

/** What says that this is a Kubernetes pod. */
export function podSigns(env: Environment): readonly string[] {
  return signs({
    'KUBERNETES_SERVICE_HOST is set': () => Boolean(env['KUBERNETES_SERVICE_HOST']),
    'the kubelet has written /etc/hosts': () => managedByKubelet.test(readOr('', '/etc/hosts')),
    '/var/run/secrets/kubernetes.io is there': () => existsSync('/var/run/secrets/kubernetes.io'),
    '/proc/self/cgroup names a pod': () => ownGroup().includes('kubepods'),
  });
}

/** What says that this is a container of another kind. */
export function containerSigns(): readonly string[] {
  return signs({
    '/run/.containerenv is there': () => existsSync('/run/.containerenv'),
    '/proc/self/cgroup names a container': () => otherGroups.test(ownGroup()),
    'files of /etc are mounted one by one': () => {
      const mounts = readOr('', '/proc/self/mountinfo').matchAll(mountedFiles);
      return new Set([...mounts].map(([, file]) => file)).size > 1;
    },
  });
}

export function isInPod(env: Environment): boolean {
  return podSigns(env).length > 0;
}

/** A pod's among them. */
export function isInContainer(env: Environment): boolean {
  return isInPod(env) || containerSigns().length > 0;
}

function ownGroup(): string {
  return readOr('', '/proc/self/cgroup');
}

function signs(checks: Readonly<Record<string, () => boolean>>): string[] {
  return Object.entries(checks).flatMap(([sign, isThere]) => (isThere() ? [sign] : []));
}

function readOr(otherwise: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
