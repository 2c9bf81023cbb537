#include "destroyed_watch.h"

#include <algorithm>

namespace addon {

bool DestroyedWatch::add(napi_env env, sockdiag::SharedKernel& kernel, Waiting& waiting) {
  const int descriptor = kernel.eventSocket.descriptor();
  if (wakeup_ == nullptr && !Wakeup::start(env, descriptor, readable, this, wakeup_)) return false;
  kernel_ = &kernel;
  kernel.destroyEvents.setWaker(this);
  if (waiting_.append(&waiting).ok()) return true;
  remove(waiting);
  return false;
}

void DestroyedWatch::remove(Waiting& waiting) {
  auto* const found = std::ranges::find(waiting_, &waiting);
  if (found != waiting_.end()) {
    *found = waiting_[waiting_.size() - 1];
    waiting_.shrinkTo(waiting_.size() - 1);
  }
  if (kernel_ == nullptr || !waiting_.empty()) return;
  kernel_->destroyEvents.setWaker(nullptr);
  kernel_ = nullptr;
  if (wakeup_ != nullptr) wakeup_->stop();
}

void DestroyedWatch::read() {
  // A failed descriptor would be reported readable forever.
  if (!kernel_->destroyEvents.read().ok()) wakeup_->stop();
  // Backwards, because remove() moves the last one to the place of another: whatever is removed
  // meanwhile, each of the others is told.
  for (auto i = waiting_.size(); i-- > 0;) {
    if (i < waiting_.size()) waiting_[i]->mayHaveEvents();
  }
}

void DestroyedWatch::wake() {
  if (wakeup_ != nullptr) wakeup_->wake();
}

}  // namespace addon
