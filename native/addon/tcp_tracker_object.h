#pragma once

#include <napi.h>

namespace addon {

/// `TcpTracker`: the sockets of one port, kept.
Napi::Function defineTcpTracker(Napi::Env env);

}  // namespace addon
