#pragma once

#include <napi.h>

namespace addon {

/// `UnixTracker`: the sockets of one name, with a revision.
Napi::Function defineUnixTracker(Napi::Env env);

}  // namespace addon
