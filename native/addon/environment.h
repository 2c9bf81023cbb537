#pragma once

#include <napi.h>

#include <cstddef>
#include <optional>

#include "destroyed_watch.h"
#include "sockdiag/file_descriptor.h"
#include "sockdiag/list.h"
#include "sockdiag/shared_kernel.h"

namespace addon {

/// What the trackers of one Node.js environment share, and its listeners. The main thread and each
/// worker have their own: they use it without a lock, and may be in different network namespaces.
class Environment {
 public:
  /// Once for each environment, when it loads the addon. False if an exception is pending.
  static bool create(Napi::Env env);
  static Environment& of(Napi::Env env);

  /// What `listenAbstract` has opened. Closed with the environment.
  sockdiag::List<sockdiag::UniqueFd>& listeners() { return listeners_; }

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  friend class KernelLease;

  Environment() = default;
  ~Environment() = default;

  static void ends(napi_env env, void* environment, void* hint);
  void freeIfUnused();

  /// Exists while there are leases, so that nothing is left open without trackers.
  std::optional<sockdiag::SharedKernel> kernel_;
  /// Not ended with the kernel, because a callback that it makes may close the last tracker.
  DestroyedWatch watch_;
  sockdiag::List<sockdiag::UniqueFd> listeners_;
  std::size_t leases_ = 0;
  /// Node-API does not say whether trackers are collected before their environment's data.
  bool hasEnded_ = false;
};

/// A tracker's share of its environment's kernel.
class KernelLease {
 public:
  explicit KernelLease(Environment& environment);
  ~KernelLease();
  KernelLease(const KernelLease&) = delete;
  KernelLease& operator=(const KernelLease&) = delete;

  sockdiag::SharedKernel& kernel() { return *environment_.kernel_; }
  DestroyedWatch& watch() { return environment_.watch_; }

 private:
  Environment& environment_;
};

}  // namespace addon
