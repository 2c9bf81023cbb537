#pragma once

#include <napi.h>

namespace addon {

/// `reapOrphans`.
Napi::Function defineReapOrphans(Napi::Env env);

}  // namespace addon
